"""A table's CSV file in its canonical form: UTF-8, LF, one header line, every cell written so that the table's SerDe gives it back.

For LazySimpleSerDe a comma and a backslash inside a cell follow a backslash, and NULL is `\\N`; for OpenCSVSerDe every cell stands in
quotes, with quotes and backslashes doubled. What neither can carry is found before it is written: see `docs/csv-tables.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from services.shared.catalog.serde import LONGEST_LINE_BYTES, NULL_SEQUENCE, SerdeName
from services.shared.storage.port import Storage
from services.worker.publish.table_file import TableFile, Uncarried, WrittenFile
from services.worker.publish.targets import Target
from services.worker.unfinished import Unfinished

_SHORTEST_TYPED_BYTES = 64
_LINE_BREAKS = ("\n", "\r")


class CsvFormat:
    """CSV for one SerDe."""

    suffix = ".csv"

    def __init__(self, serde: SerdeName) -> None:
        self._serde = serde
        self._cells = lazy_simple_cells if serde is SerdeName.LAZY_SIMPLE else open_csv_cells

    def begin(self, storage: Storage, key: str, targets: Sequence[Target]) -> TableFile:
        """Begin a file with its header line."""
        return CsvFile(storage, key, [target.column.name for target in targets], self._cells)

    def find_uncarried(self, table: Any) -> Uncarried | None:
        """Return the first line break, the first cell of a line that is too long, and for OpenCSVSerDe the first NULL."""
        found = [one for position, column in enumerate(table.columns) if (one := self._first_in(column, position)) is not None]
        if (long := self._first_long(table)) is not None:
            found.append(long)
        return min(found, key=lambda one: (one.row, one.column), default=None)

    def _first_in(self, column: Any, position: int) -> Uncarried | None:
        found = []
        if self._serde is SerdeName.OPEN_CSV and column.null_count:
            found.append(Uncarried(_first(pc.is_null(column)), position, f"is NULL, which {self._serde} can't tell from an empty text"))
        if pa.types.is_string(column.type):
            for mark in _LINE_BREAKS:
                holds = pc.match_substring(column, mark)
                if pc.any(holds).as_py():
                    found.append(Uncarried(_first(holds), position, f"has a line break, which no SerDe for CSV reads inside a cell ({self._serde})"))
        return min(found, key=lambda one: one.row, default=None)

    def _first_long(self, table: Any) -> Uncarried | None:
        """Return the longest cell of the first line that the SerDe's reader could not hold; most tables show at once that there is none."""
        longest = [_most_bytes(column) for column in table.columns]
        if sum(longest) <= LONGEST_LINE_BYTES:
            return None
        sizes = [np.asarray(pc.binary_length(self._cells(column)), np.int64) + 1 for column in table.columns]
        too_long = np.flatnonzero(np.sum(sizes, axis=0) > LONGEST_LINE_BYTES)
        if not len(too_long):
            return None
        row = int(too_long[0])
        column = int(np.argmax([size[row] for size in sizes]))
        return Uncarried(row, column, f"makes a line of more than {LONGEST_LINE_BYTES} bytes, the longest a CSV table may have")


class CsvFile:
    """A file being written; nothing of it exists under its key before `finish`."""

    def __init__(self, storage: Storage, key: str, names: Sequence[str], cells: Callable[[Any], Any]) -> None:
        self._cells = cells
        self._rows = 0
        self._column_bytes: npt.NDArray[np.int64] = np.zeros(len(names), np.int64)
        self._file = Unfinished(storage, key)
        self._file.stream.write((",".join(names) + "\n").encode())

    @property
    def size(self) -> int:
        """How many bytes are written so far."""
        return self._file.size

    def write(self, table: Any) -> None:
        """Write rows, a chunk at a time."""
        for batch in table.to_batches():
            cells = [self._cells(column) for column in batch.columns]
            self._column_bytes += [(pc.sum(pc.binary_length(column)).as_py() or 0) + batch.num_rows for column in cells]
            self._rows += batch.num_rows
            lines = pc.binary_join_element_wise(pc.binary_join_element_wise(*cells, ","), "", "\n")
            self._file.stream.write(_bytes_of(lines))

    def finish(self) -> WrittenFile:
        """Let the object appear."""
        return WrittenFile(self._file.key, self._rows, self._file.finish(), tuple(int(one) for one in self._column_bytes))

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._file.abandon()


def lazy_simple_cells(column: Any) -> Any:
    """Return a column's cells as LazySimpleSerDe reads them, with `\\` as its escape and `\\N` for NULL."""
    if pa.types.is_string(column.type):
        return _escaped(_escaped(column, "\\", "\\\\"), ",", "\\,").fill_null(NULL_SEQUENCE)
    return _typed(column).fill_null(NULL_SEQUENCE)


def open_csv_cells(column: Any) -> Any:
    """Return the cells of a text column as OpenCSVSerDe reads them: all in quotes."""
    text = _escaped(_escaped(column, "\\", "\\\\"), '"', '""')
    return pc.binary_join_element_wise('"', text.fill_null(""), '"', "")


def _escaped(column: Any, mark: str, written: str) -> Any:
    found = pc.any(pc.match_substring(column, mark)).as_py()
    return pc.replace_substring(column, mark, written) if found else column


def _typed(column: Any) -> Any:
    text = column.cast(pa.string())
    if pa.types.is_floating(column.type):
        for arrows, javas in (("nan", "NaN"), ("inf", "Infinity"), ("-inf", "-Infinity")):
            text = pc.if_else(pc.equal(text, arrows), javas, text)
    elif pa.types.is_decimal(column.type) and pc.any(pc.match_substring(text, "E")).as_py():
        plain = [None if value is None else f"{Decimal(value):f}" for value in text.to_pylist()]
        text = pa.array(plain, pa.string())
    return text


def _bytes_of(lines: Any) -> memoryview:
    """Return the text of an array as it lies in memory, one value behind the other."""
    width = np.dtype(np.int64 if pa.types.is_large_string(lines.type) else np.int32)
    _, offsets, data = lines.buffers()
    ends = np.frombuffer(offsets, width)[[lines.offset, lines.offset + len(lines)]]
    return memoryview(data or b"")[int(ends[0]) : int(ends[1])]


def _most_bytes(column: Any) -> int:
    if not pa.types.is_string(column.type):
        return _SHORTEST_TYPED_BYTES
    return 2 * int(pc.max(pc.binary_length(column)).as_py() or 0) + 3


def _first(holds: Any) -> int:
    return int(pc.index(holds, True).as_py())
