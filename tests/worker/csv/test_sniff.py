"""What is found out about a file from its first bytes."""

from __future__ import annotations

import gzip
import random
import time
import tracemalloc
from hashlib import sha256
from typing import Any

import pytest
import zstandard

from services.shared.errors import BinaryFile, EmptyFile, UnsupportedCompression, ValidationFailed
from services.worker.csv.dialect import Dialect, DialectOverride
from services.worker.csv.reader import preview
from services.worker.csv.sniff import sniff

PEOPLE = "id,name,joined,paid\n1,Ann,2024-01-02,1.50\n2,Bo,2024-01-03,2.25\n3,Cy,2024-02-01,\n"


def hash_of(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":", " "])
def test_delimiters(delimiter: str) -> None:
    """Each usual delimiter is found."""
    assert sniff(PEOPLE.replace(",", delimiter).encode(), whole=True).delimiter == delimiter


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;b\n1,5;2,5\n3,5;4,5\n", {"delimiter": ";", "width": 2}),
        ("a,b\n2024-01-01 10:00:00,5\n2024-01-01 11:00:00,6\n", {"delimiter": ","}),
        ("a,b\n'x, y',1\n'z',2\n", {"quotechar": "'"}),
        ("a,b\nit's,1\ndon't,2\n", {"quotechar": '"'}),
        ('a,b\n"say \\"hi\\"",1\n"no, \\"no\\"",2\n', {"escapechar": "\\"}),
        ('a,b\n"C:\\dir\\",1\n"D:\\",2\n', {"escapechar": None}),
        ('a, b\n"x, y", "z"\n"u", "v, w"\n', {"delimiter": ", "}),
        ("a,b\r\n1,2\r\n", {"lineterminator": "\r\n"}),
        ("a,b\r1,2\r", {"lineterminator": "\r"}),
        ("a,b\r\n1,2\n3,4\r\n5,6\n", {"lineterminator": "mixed"}),
        ("a,b\r1,2\n3,4\r5,6\n", {"lineterminator": "mixed"}),
        ("1,2\n3,4\n", {"header": False}),
        ("name,city\nann,paris\nbo,rome\n", {"header": True}),
        ("ann,paris\nbo,paris\ncy,rome\n", {"header": False}),
        ("country,2019,2020\nFR,1,2\nDE,3,4\n", {"header": True}),
        ("Sales report\nmade 2024\n\nid,name,sum\n1,a,2\n2,b,3\n3,c,4\n", {"skip_records": 2, "header": True}),
        ("# made by hand\n# twice\nid,name\n1,a\n", {"comment": "#", "skip_records": 0, "header": True}),
        ("#id,name\n1,a\n2,b\n", {"comment": None, "skip_records": 0, "header": True}),
        ("##meta\n#id\tname\n1\ta\n2\tb\n", {"comment": "##", "header": True}),
        ("sep=;\na;b\n1;2\n", {"delimiter": ";", "skip_records": 1, "header": True}),
        ("word\nalpha\nbeta\n", {"width": 1, "header": True}),
        ("a,b\n1,2,\n3,4,\n", {"width": 3, "unnamed_first": False}),
        ("a,b\nx,1,2\ny,3,4\n", {"width": 3, "unnamed_first": True}),
        ('id,body\n1,"' + "7,north,12.5,x,y\n" * 10_000, {"delimiter": ",", "quotechar": '"'}),
    ],
)
def test_shapes(text: str, expected: dict[str, Any]) -> None:
    """Delimiter, quotes, escapes, line ends, header, preamble and comments are found."""
    found = sniff(text.encode(), whole=len(text) < 100_000).to_json()
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "name,city\nZoë,Kraków\n"),
        ("cp1252", "name,city\nZoë,München\nRené,Besançon\n"),
        ("iso8859-1", "name,city\nZo\xeb,M\x81\n"),
        ("utf-16-le", "\ufeffname,city\nZoë,東京\n"),
        ("utf-16-be", "\ufeffname,city\nZoë,東京\n"),
        ("cp932", "名前,都市\nさくら,とうきょう\nたけし,オオサカ\n"),
        ("gb18030", "姓名,城市\n张伟,北京\n王芳,上海\n李娜,广州\n"),
    ],
)
def test_encodings(encoding: str, text: str) -> None:
    """Each encoding is found, and the preview shows the text that was written."""
    found = preview(text.encode(encoding), whole=True, override=DialectOverride.from_json({"header": True}))
    header, *rows = text.removeprefix("\ufeff").splitlines()
    assert found.dialect.encoding == encoding
    assert list(found.source_names) == header.split(",")
    assert found.rows == [row.split(",") for row in rows]


def test_utf8_with_a_few_bad_bytes_stays_utf8() -> None:
    """One damaged byte does not turn a UTF-8 file into another encoding."""
    text = ("é,è\n" * 50).encode() + b"\xff,x\n"
    assert sniff(text, whole=True).encoding == "utf-8"


@pytest.mark.parametrize(("compression", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress)])
def test_compression(compression: str, pack: Any) -> None:
    """Compressed files are known by their first bytes, and previewed from an incomplete beginning."""
    packed = pack((PEOPLE + "".join(f"{number},Di,{hash_of(number)},3.00\n" for number in range(20_000))).encode())
    assert preview(packed, whole=True).dialect.compression == compression
    assert preview(packed[: len(packed) * 2 // 3], whole=False).rows[0] == ["1", "Ann", "2024-01-02", "1.50"]


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        (b"PK\x03\x04rest", UnsupportedCompression),
        (b"BZh91AY", UnsupportedCompression),
        (b"\xfd7zXZ\x00", UnsupportedCompression),
        (b"%PDF-1.7\n", BinaryFile),
        (b"\x7fELF\x02", BinaryFile),
        (b"PAR1\x15", BinaryFile),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", BinaryFile),
        (b"a\0b\0,\0c\0\n\0" * 10, BinaryFile),
        (gzip.compress(b"PAR1\x15\0\0", mtime=0), BinaryFile),
        (b"", EmptyFile),
        (b"\xef\xbb\xbf", EmptyFile),
        (b"\n\r\n \n", EmptyFile),
        (gzip.compress(b"", mtime=0), EmptyFile),
    ],
)
def test_what_is_not_a_csv_is_refused_by_name(head: bytes, problem: type[Exception]) -> None:
    """Archives, documents, programs, other table formats and empty files each get their problem."""
    with pytest.raises(problem):
        sniff(head, whole=True)


def test_every_field_can_be_overridden() -> None:
    """A chosen field is kept, the others are still detected around it."""
    chosen = DialectOverride.from_json({"header": False, "quotechar": None, "encoding": "Latin1"})
    found = sniff(b"a;b\n1;2\n", whole=True, override=chosen)
    assert (found.header, found.quotechar, found.encoding, found.delimiter) == (False, None, "iso8859-1", ";")
    assert Dialect.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    "bad", [{"delimiter": ""}, {"delimiter": "\n"}, {"quotechar": "x"}, {"encoding": "klingon"}, {"header_row": 1}, {"skip_records": -1}]
)
def test_impossible_choices_are_refused(bad: dict[str, Any]) -> None:
    """The problem names the offending value."""
    with pytest.raises(ValidationFailed) as caught:
        DialectOverride.from_json(bad)
    assert repr(next(iter(bad.values()))) in caught.value.detail or "header_row" in caught.value.detail


def test_long_cells_are_sniffed_in_linear_time() -> None:
    """A cell of 100,000 digits and then a letter is no trap."""
    begun = time.monotonic()
    sniff(b"a,b\n" + b"1" * 100_000 + b"x,2\n", whole=True)
    sniff(b"\r" * 250_000, whole=False)
    assert time.monotonic() - begun < 5


def test_noise_is_not_text() -> None:
    """Bytes without any pattern are refused, though few of them are NUL; a file separated by control characters is read."""
    noise = random.Random(7).randbytes(5000)
    with pytest.raises(BinaryFile, match="control characters"):
        sniff(noise, whole=True)
    separated = "\x1e".join("\x1f".join(("\x01", str(number), "\x02")) for number in range(300)).encode()
    assert sniff(separated, whole=True).encoding == "utf-8"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_the_head_of_a_bomb_is_not_unpacked_whole(pack: Any) -> None:
    """However much a few bytes unpack to, finding the dialect takes a bounded piece of it."""
    head = pack(b"a,b\n" + b"1,2\n" * 25_000_000)[: 256 << 10]
    tracemalloc.start()
    try:
        assert sniff(head, whole=False).delimiter == ","
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
