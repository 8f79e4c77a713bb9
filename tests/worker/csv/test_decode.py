"""Compressed and transcoded files read like the plain UTF-8 they stand for, within bounds."""

from __future__ import annotations

import gzip
import io

import pytest
import zstandard

from services.shared.errors import CorruptCompression, DecompressionBomb
from services.worker.csv.decode import DecodeLimits
from services.worker.csv.dialect import Dialect
from services.worker.csv.reader import read_blocks
from services.worker.csv.reading import Limits
from tests.worker.csv.readings import limits, read_flat

TEXT = "id,name\n" + "".join(f'{number},"naïve ""{number}""\nline"\n' for number in range(3000))


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


@pytest.mark.parametrize(
    ("compression", "packed"),
    [
        ("gzip", gzip.compress(TEXT.encode())),
        ("gzip", gzip.compress(TEXT[:999].encode()) + gzip.compress(TEXT[999:].encode()) + b"\0" * 100),
        ("zstd", zstd(TEXT.encode())),
        ("zstd", zstd(TEXT[:999].encode()) + zstd(TEXT[999:].encode())),
    ],
)
@pytest.mark.parametrize("chunk", [7000, 8 << 20])
def test_members_and_frames_read_as_one_file(compression: str, packed: bytes, chunk: int) -> None:
    """One member or several: the rows, lines and (decoded) offsets are those of the plain file."""
    assert read_flat(packed, Dialect(compression=compression), how=limits(chunk)) == read_flat(TEXT.encode(), Dialect())


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "utf-16-be", "iso8859-1"])
def test_other_encodings_read_as_their_utf8(encoding: str) -> None:
    """A transcoded file gives the same cells, and a reading can stop and go on within it."""
    data = TEXT.encode(encoding)
    whole = read_flat(data, Dialect(encoding=encoding), how=limits(5000))
    assert whole == read_flat(TEXT.encode(), Dialect())
    assert read_flat(data, Dialect(encoding=encoding), how=limits(5000), stops=[1000, 30_001]) == whole


@pytest.mark.parametrize(
    ("encoding", "data", "byte"),
    [
        ("cp932", "a,b\n1,さ\n".encode("cp932") + b"2,\x81\n3,\x81 \n4,x\n", 0x81),
        ("cp1252", b"a,b\n1,\xe9\n2,\x81\n3,\x9d\n4,x\n", 0x81),
        (
            "utf-16-le",
            "a,b\n1,é\n2,".encode("utf-16-le") + b"\x00\xd8" + "\n3,".encode("utf-16-le") + b"\x00\xdc" + "\n4,x\n".encode("utf-16-le"),
            0x00,
        ),
    ],
)
def test_a_bad_byte_rejects_its_record(encoding: str, data: bytes, byte: int) -> None:
    """No byte is ever replaced: the record is a `bad_encoding` reject that names the byte, and the next one is read."""
    flat = read_flat(data, Dialect(encoding=encoding))
    assert [row[0] for row in flat.rows] == ["1", "4"]
    assert [reject.code for reject in flat.rejects] == ["bad_encoding", "bad_encoding"]
    assert f"0x{byte:02X}" in flat.rejects[0].detail


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_a_bomb_is_stopped(pack: object) -> None:
    """More than the allowed multiple, or the allowed size, ends the reading with a problem before memory grows."""
    compression = "zstd" if pack is zstd else "gzip"
    packed = (zstd if pack is zstd else gzip.compress)(b"0" * 60_000_000)
    read = read_blocks(
        io.BytesIO(packed), Dialect(compression=compression), available=len(packed), final=True, limits=Limits(decode=DecodeLimits(max_ratio=500))
    )
    with pytest.raises(DecompressionBomb):
        list(read)
    read = read_blocks(
        io.BytesIO(packed),
        Dialect(compression=compression),
        available=len(packed),
        final=True,
        limits=Limits(decode=DecodeLimits(max_decoded_bytes=10_000_000)),
    )
    with pytest.raises(DecompressionBomb):
        list(read)


@pytest.mark.parametrize(("compression", "packed"), [("gzip", gzip.compress(TEXT.encode())), ("zstd", zstd(TEXT.encode()))])
def test_damaged_data_is_a_problem(compression: str, packed: bytes) -> None:
    """A file cut short, or with changed bytes, does not pass for a shorter one."""
    middle = len(packed) // 2
    for damaged in (packed[:-5], packed[:middle] + b"\xff" * 20 + packed[middle + 20 :]):
        with pytest.raises(CorruptCompression):
            read_flat(damaged, Dialect(compression=compression))
