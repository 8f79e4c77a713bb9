"""The exact path: record by record in Python, for what the fast path must not be trusted with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from services.worker.csv import rejects
from services.worker.csv.blocks import RAW_BYTES_KEPT, Counts, Piece, Reject, RowIndex, empty_table
from services.worker.csv.fields import Cells
from services.worker.csv.grammar import Grammar, Record, TooLong, Unfinished


@dataclass(frozen=True)
class Reading:
    """What was read; `too_long` says that an overlong record begins where the piece ends (its reject is in the piece)."""

    piece: Piece
    too_long: bool


@dataclass(frozen=True)
class Shape:
    """The columns of a file: their unique names, and the positions of those that are wanted."""

    names: tuple[str, ...]
    wanted: tuple[int, ...]

    @staticmethod
    def of(names: Sequence[str], columns: Sequence[str] | None) -> Shape:
        position = {name: index for index, name in enumerate(names)}
        return Shape(tuple(names), tuple(range(len(names))) if columns is None else tuple(position[name] for name in columns))

    @property
    def wanted_names(self) -> list[str]:
        return [self.names[index] for index in self.wanted]


def read_exactly(data: bytes, grammar: Grammar, shape: Shape, *, last: bool, enough_bytes: int | None = None) -> Reading:
    """Read the whole records at the beginning of `data`, until `enough_bytes` are passed; `last` says that nothing follows `data`."""
    width = len(shape.names)
    encoding = grammar.dialect.encoding
    all_text = rejects.is_utf8(data, len(data))
    rows: list[Cells] = []
    starts: list[int] = []
    rejected: list[Reject] = []
    blank = comments = 0
    too_long = False
    position = line_position = line = 0
    enough = len(data) if enough_bytes is None else enough_bytes
    while position < min(enough, len(data)):
        comment = grammar.comments_anywhere and data.startswith(grammar.comment or b"", position)
        found = grammar.physical_line(data, position, last=last) if comment else grammar.record(data, position, last=last)
        if isinstance(found, Unfinished):
            break
        if isinstance(found, Record) and _is_good(found, data, position, width=width, all_text=all_text, comment=comment):
            if comment:
                comments += 1
            elif found.end == position and width != 1:
                blank += 1
            else:
                rows.append(found.cells)
                starts.append(position)
            position = found.next_start
            continue
        line += grammar.lines.count(data[line_position:position], position - line_position)
        line_position = position
        if isinstance(found, TooLong):
            raw = data[position : position + RAW_BYTES_KEPT]
            limit = grammar.max_record_bytes
            rejected.append(rejects.too_long(raw, line=line, offset=position, limit=limit, in_quotes=found.in_quotes))
            too_long = True
            break
        raw = data[position : found.end]
        rejected.append(_reject(found, raw, line=line, offset=position, width=width, encoding=encoding))
        position = found.next_start
    columns = list(zip(*rows, strict=True)) if rows else []
    table = (
        pa.table({shape.names[index]: pa.array(columns[index], pa.string()) for index in shape.wanted}) if rows else empty_table(shape.wanted_names)
    )
    index = RowIndex(
        lines=grammar.lines.count(data, position),
        starts=lambda: np.array(starts, dtype=np.int64),
        line_ends=lambda: grammar.lines.ends(data, position),
    )
    counts = Counts(records=len(rows), comment_records=comments, blank_records=blank, rejected_records=len(rejected))
    return Reading(Piece(table, position, index, counts, rejected), too_long)


def _is_good(found: Record, data: bytes, start: int, *, width: int, all_text: bool, comment: bool) -> bool:
    if comment or found.code:
        return comment
    if not all_text and not rejects.is_utf8(data[start : found.end], found.end - start):
        return False
    return len(found.cells) == width or found.end == start


def _reject(found: Record, raw: bytes, *, line: int, offset: int, width: int, encoding: str) -> Reject:
    if found.code:
        return rejects.reject(raw, line=line, offset=offset, code=found.code, detail=found.detail)
    if not rejects.is_utf8(raw, len(raw)):
        return rejects.bad_encoding(raw, line=line, offset=offset, encoding=encoding)
    return rejects.wrong_width(raw, line=line, offset=offset, fields=len(found.cells), width=width)
