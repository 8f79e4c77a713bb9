"""Reading a stored result some rows at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from services.query.exports import texts as module
from services.query.exports.texts import join, joined_bytes, patched, read_texts
from tests.query.exports.results import stored, texts

ROOT = Path(__file__).resolve().parents[3]
FORMS = ("csv", "jsonl", "parquet", "xlsx")
_MEASURE = """
import io, resource, sys
from datetime import datetime
import pyarrow as pa
from services.query.exports.jsonl import write_jsonl
from services.query.exports.parquet import write_parquet
from services.query.exports.safe_csv import write_safe_csv
from services.query.exports.texts import StoredResult
from services.query.exports.xlsx import Look, write_xlsx
from services.query.results import write_result
from services.shared.results import ResultColumn, csv_key, index_key
from services.shared.storage.folder import FolderStorage
from pathlib import Path

folder, form, rows = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
storage = FolderStorage(folder)
kinds = [ResultColumn("n", "bigint"), ResultColumn("x", "double"), ResultColumn("t", "string"), ResultColumn("d", "date")]

def batches():
    for start in range(0, rows, 10_000):
        numbers = pa.array(range(start, start + 10_000))
        days = numbers.cast(pa.int32()).cast(pa.date32())
        words = pa.array([f"=text & {n}" for n in range(start, start + 10_000)])
        yield pa.RecordBatch.from_arrays([numbers, numbers.cast(pa.float64()), words, days], ["n", "x", "t", "d"])

meta = write_result(storage, "r/", kinds, batches())
with storage.open_read(index_key("r/")) as stream:
    index = stream.read()
with storage.open_read(csv_key("r/")) as source, storage.open_write("r/out") as target:
    result, report = StoredResult(source, meta, index), lambda done: None
    match form:
        case "csv":
            write_safe_csv(result, target, report=report)
        case "jsonl":
            write_jsonl(result, target, report=report)
        case "parquet":
            write_parquet(result, target, report=report)
        case "xlsx":
            write_xlsx(result, target, Look(True, datetime(2026, 1, 1)), report=report)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _all(columns: Any) -> list[list[str | None]]:
    read = [[column.to_pylist() for column in batch] for batch in read_texts(stored(columns))]
    return [list(chain.from_iterable(batch[i] for batch in read)) for i in range(len(columns))]


def test_rows_come_back_whatever_they_hold() -> None:
    """A lone column with NULLs, line breaks, quotes and empty texts keeps its rows apart."""
    values = [None, "", "a\nb", '"', None, ",", "\r\n", "\x00", None]
    assert _all([texts("a", values)]) == [values]


def test_long_cells_are_read_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a thousand rows are too much to hold, they are read one by one and are the same."""
    monkeypatch.setattr(module, "_MOST_SLICE_BYTES", 5_000)
    monkeypatch.setattr(module, "_SLICE_BYTES", 2_000)
    long = [None if n % 7 == 0 else f'"{n}",\n' * (n % 50) for n in range(2_500)]
    short = [str(n) for n in range(2_500)]
    assert _all([texts("a", long), texts("b", short)]) == [long, short]
    assert max(len(batch[0]) for batch in read_texts(stored([texts("a", long), texts("b", short)]))) < 1000


def test_wide_results_come_in_fewer_rows() -> None:
    """No batch has more cells than it may have, so its memory does not follow the number of columns."""
    columns = [texts(f"c{n}", ["x"] * 1500) for n in range(200)]
    batches = list(read_texts(stored(columns)))
    assert max(len(batch[0]) * len(batch) for batch in batches) <= 50_000
    assert sum(len(batch[0]) for batch in batches) == 1500


def test_joining_and_patching() -> None:
    """Slices are joined as they are, NULLs count as told, and only what matches is changed."""
    column = pa.array(["a", None, "b&", ""])
    assert join(["<", column, ">"]).to_pylist() == ["<a>", None, "<b&>", "<>"]
    assert bytes(joined_bytes(join(["<", column, ">"], null="-").slice(1, 2))) == b"<-><b&>"
    assert bytes(joined_bytes(column.slice(0, 0))) == b""
    assert patched(column, "&", lambda text: text.replace("&", "&amp;")).to_pylist() == ["a", None, "b&amp;", ""]


@pytest.mark.parametrize("form", FORMS)
def test_memory_does_not_grow_with_the_rows(form: str, tmp_path: Path) -> None:
    """Six times the rows take no more memory than a few megabytes, in any form."""
    peaks = []
    for rows in (50_000, 300_000):
        command = [sys.executable, "-c", _MEASURE, str(tmp_path / str(rows)), form, str(rows)]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) >> 10)
    assert peaks[1] - peaks[0] < 24, peaks
