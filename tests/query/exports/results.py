"""Results in memory, and what their exports hold when other programs read them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import openpyxl
import pyarrow as pa

from services.query.exports.texts import StoredResult
from services.query.exports.xlsx import Look, write_xlsx
from services.query.results import write_result
from services.shared.results import ResultColumn, csv_key, index_key

MADE_AT = datetime(2026, 2, 3, 4, 5, 6)
Columns = Sequence[tuple[str, str, Any]]
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


class Memory:
    """Objects in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    @contextmanager
    def open_write(self, key: str) -> Iterator[io.BytesIO]:
        stream = io.BytesIO()
        yield stream
        self.objects[key] = stream.getvalue()


def stored(columns: Columns) -> StoredResult:
    """Store columns of name, Athena type and values, and open the result."""
    memory = Memory()
    batch = pa.RecordBatch.from_arrays([values for _, _, values in columns], [name for name, _, _ in columns])
    meta = write_result(memory, "r/", [ResultColumn(name, kind) for name, kind, _ in columns], [batch])
    return StoredResult(io.BytesIO(memory.objects[csv_key("r/")]), meta, memory.objects[index_key("r/")])


def texts(name: str, values: Sequence[str | None]) -> tuple[str, str, Any]:
    """Return a column of strings."""
    return name, "string", pa.array(values, pa.string())


def written(write: Any, columns: Columns) -> bytes:
    """Return the bytes of an export."""
    target = io.BytesIO()
    write(stored(columns), target, report=lambda _: None)
    return target.getvalue()


def workbook(columns: Columns, *, safe: bool = False) -> bytes:
    """Return the bytes of the workbook."""
    target = io.BytesIO()
    write_xlsx(stored(columns), target, Look(safe, MADE_AT), report=lambda _: None)
    return target.getvalue()


def sheets(data: bytes) -> dict[str, list[list[Any]]]:
    """Return what openpyxl reads, a list of rows for each sheet, escaped characters read as Excel reads them."""
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
    try:
        return {sheet.title: [[_unescaped(value) for value in row] for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets}
    finally:
        book.close()


def _unescaped(value: Any) -> Any:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value) if isinstance(value, str) else value
