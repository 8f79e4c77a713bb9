"""A stored result as an Excel workbook: a sheet, or as many as it takes, written in one pass.

XlsxWriter makes the workbook but not its rows: cell by cell it takes minutes for what a column at a time takes seconds, writes all to
disk twice, and keeps sixteen digits of a double where seventeen may be needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

import pyarrow as pa
from xlsxwriter.utility import xl_col_to_name

from services.query.exports.cells import MAX_CELL_UNITS, CellKind, cell_kind, cells, check_lengths
from services.query.exports.formulas import defuse, defuse_column
from services.query.exports.texts import Report, StoredResult, join, joined_bytes, read_texts
from services.query.exports.workbook import Frame, make_parts
from services.shared.errors import SpreadsheetLimit
from services.shared.results import ResultMeta

MAX_ROWS = 1_048_576  # https://support.microsoft.com/office/excel-specifications-and-limits
MAX_COLUMNS = 16_384
_MAX_SHEET_BYTES = (1 << 31) - (1 << 20)  # more needs ZIP64, at which Excel offers to repair the file
_CELL_BYTES = 60
_LEVEL = 4


@dataclass(frozen=True)
class Look:
    """What the rows' values do not say: whether formulas are made harmless, and the moment the workbook names as its own."""

    safe: bool
    made_at: datetime


def write_xlsx(result: StoredResult, target: BinaryIO, look: Look, *, report: Report) -> None:
    """Write the workbook; numbers are numbers where no digit is lost, dates dates, and no text is ever a formula or a link."""
    columns = result.meta.columns
    if len(columns) > MAX_COLUMNS:
        raise SpreadsheetLimit(f"The result has {len(columns)} columns; a spreadsheet has {MAX_COLUMNS}. Select fewer, or download csv or parquet.")
    names = [defuse(column.name) if look.safe else column.name for column in columns]
    for name in names:
        if len(name.encode("utf-16-le")) // 2 > MAX_CELL_UNITS:
            raise SpreadsheetLimit(f'The name of the column "{name[:100]}…" is too long for a cell. Give it a shorter one: SELECT … AS name.')
    kinds = [cell_kind(column.type) for column in columns]
    rows = _Rows(result, kinds, look, report)
    with ZipFile(target, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for part in make_parts(names, kinds, plan_sheets(result.meta), made_at=look.made_at):
            with archive.open(part.name, "w") as entry:
                for piece in [part.content] if part.frame is None else _sheet(part.frame, rows):
                    entry.write(piece)


def plan_sheets(meta: ResultMeta) -> list[int]:
    """Return how many rows each sheet has: as many as a sheet may have, fewer where its XML would grow too large."""
    row_bytes = 2 * meta.size // max(1, meta.rows) + _CELL_BYTES * len(meta.columns)
    most = max(1, min(MAX_ROWS - 1, _MAX_SHEET_BYTES // row_bytes))
    return [min(most, meta.rows - start) for start in range(0, meta.rows, most)] or [0]


class _Rows:
    """The rows of a result, taken in order by one sheet after the other."""

    def __init__(self, result: StoredResult, kinds: list[CellKind], look: Look, report: Report) -> None:
        self._columns = result.meta.columns
        self._texts = read_texts(result)
        self._kinds, self._look, self._report = kinds, look, report
        self._left: list[Any] = []
        self._done = 0

    def take(self, frame: Frame) -> Iterator[memoryview]:
        """Yield the XML of a sheet's rows."""
        befores = [f'<c r="{xl_col_to_name(i)}' for i in range(len(self._columns))]
        row = 2
        while row < frame.rows + 2:
            texts = self._next(frame.rows + 2 - row)
            numbers = pa.array(range(row, row + len(texts[0])), pa.int32()).cast(pa.string())
            parts: list[Any] = ['<row r="', numbers, '">']
            for text, kind, before, style in zip(texts, self._kinds, befores, frame.styles, strict=True):
                parts.append(cells(text, kind, before=before, style=style, numbers=numbers))
            yield joined_bytes(join([*parts, "</row>"], null=""))
            row += len(texts[0])
            self._done += len(texts[0])
            self._report(self._done)

    def _next(self, most: int) -> list[Any]:
        """Return rows that are left of the last batch, or of the next one, `most` at most, made safe and known to fit."""
        if not self._left:
            self._left = [
                defuse_column(text, column.type) if self._look.safe else text for text, column in zip(next(self._texts), self._columns, strict=True)
            ]
            for text, column in zip(self._left, self._columns, strict=True):
                check_lengths(text, name=column.name, first_row=self._done + 1)
        taken = [text.slice(0, most) for text in self._left]
        self._left = [text.slice(most) for text in self._left] if len(self._left[0]) > most else []
        return taken


def _sheet(frame: Frame, rows: _Rows) -> Iterator[bytes | memoryview]:
    written = len(frame.head) + len(frame.tail)
    yield frame.head
    for piece in rows.take(frame):
        written += len(piece)
        if written > _MAX_SHEET_BYTES:
            raise SpreadsheetLimit(f"A sheet of {frame.rows} rows would be larger than {_MAX_SHEET_BYTES} bytes. Download csv or parquet.")
        yield piece
    yield frame.tail
