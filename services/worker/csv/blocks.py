"""A block: some whole records of a file as an Arrow table of text, with what was left out and where each row stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

RAW_BYTES_KEPT = 4096

Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Reject:
    """A record that could not be read: where it begins, why, and its first bytes (in the stream's decoded form)."""

    line: int
    byte_offset: int
    code: str
    detail: str
    raw: bytes


@dataclass(frozen=True)
class Counts:
    """How many records of each kind; together with the rejects they are every record read."""

    records: int = 0
    header_records: int = 0
    preamble_records: int = 0
    comment_records: int = 0
    blank_records: int = 0
    rejected_records: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.records + other.records,
            self.header_records + other.header_records,
            self.preamble_records + other.preamble_records,
            self.comment_records + other.comment_records,
            self.blank_records + other.blank_records,
            self.rejected_records + other.rejected_records,
        )


class RowIndex:
    """Where the rows of a block begin, worked out only when somebody asks."""

    def __init__(self, *, lines: int, starts: Callable[[], Offsets], line_ends: Callable[[], Offsets]) -> None:
        self.lines = lines
        self._find_starts = starts
        self._find_line_ends = line_ends

    @cached_property
    def starts(self) -> Offsets:
        """The position of each row's first byte, from the beginning of the bytes that were read."""
        return self._find_starts()

    @cached_property
    def _line_ends(self) -> Offsets:
        return self._find_line_ends()

    def line_at(self, position: int) -> int:
        """Return how many line ends come before a position."""
        return int(np.searchsorted(self._line_ends, position, side="left"))


@dataclass(frozen=True)
class Block:
    """Whole records, in file order; `table` holds the good data records, every column `string`.

    NULL is an unquoted empty field, `""` a quoted empty one. `byte_offset`, `bytes` and `end_offset` are positions in the stream
    (in decoded bytes when it is compressed or not UTF-8); the next block begins at `end_offset`. `first_line` is the physical
    line, from 1, at `byte_offset`.
    """

    table: Any
    first_line: int
    byte_offset: int
    bytes: int
    end_offset: int
    records: int
    header_records: int
    preamble_records: int
    comment_records: int
    blank_records: int
    rejects: list[Reject]
    rows: RowIndex = field(repr=False, compare=False)
    rows_offset: int = field(repr=False, compare=False)
    rows_line: int = field(repr=False, compare=False)

    def line_of(self, row: int) -> int:
        """Return the physical line, from 1, on which a row of the table begins."""
        return self.rows_line + self.rows.line_at(int(self.rows.starts[row]))

    def byte_offset_of(self, row: int) -> int:
        """Return where in the stream a row of the table begins."""
        return self.rows_offset + int(self.rows.starts[row])

    @property
    def counts(self) -> Counts:
        return Counts(self.records, self.header_records, self.preamble_records, self.comment_records, self.blank_records, len(self.rejects))


@dataclass(frozen=True)
class Piece:
    """What one path made of a run of bytes; positions and lines count from its own beginning until it is `placed`."""

    table: Any
    size: int
    rows: RowIndex
    counts: Counts
    rejects: list[Reject]

    def placed(self, *, offset: int, line: int, head: Head) -> Block:
        """Return the block this piece is at that offset and line, with the header part that came directly before it."""
        moved = [replace(reject, line=reject.line + line, byte_offset=reject.byte_offset + offset) for reject in self.rejects]
        counts = head.counts + self.counts
        return Block(
            table=self.table,
            first_line=line - head.lines,
            byte_offset=offset - head.size,
            bytes=head.size + self.size,
            end_offset=offset + self.size,
            records=counts.records,
            header_records=counts.header_records,
            preamble_records=counts.preamble_records,
            comment_records=counts.comment_records,
            blank_records=counts.blank_records,
            rejects=moved,
            rows=self.rows,
            rows_offset=offset,
            rows_line=line,
        )


@dataclass(frozen=True)
class Head:
    """What stands before the first data record: bytes, lines and counts that the next block takes on."""

    size: int = 0
    lines: int = 0
    counts: Counts = field(default_factory=Counts)

    def __add__(self, other: Head) -> Head:
        return Head(self.size + other.size, self.lines + other.lines, self.counts + other.counts)


def empty_piece(size: int, *, lines: int, names: list[str], rejects: list[Reject]) -> Piece:
    """Return a piece without rows."""
    none = np.empty(0, dtype=np.int64)
    index = RowIndex(lines=lines, starts=lambda: none, line_ends=lambda: none)
    return Piece(empty_table(names), size, index, Counts(rejected_records=len(rejects)), rejects)


def empty_table(names: list[str]) -> Any:
    """Return a table of text columns and no rows."""
    return pa.table({name: pa.array([], pa.string()) for name in names})
