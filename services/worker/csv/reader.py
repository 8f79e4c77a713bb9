"""The reading room's door: blocks of text cells from raw bytes, exactly, at constant memory, from any resume point."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from services.worker.csv.blocks import Block
from services.worker.csv.decode import open_source
from services.worker.csv.dialect import NO_OVERRIDE, Dialect, DialectOverride
from services.worker.csv.names import column_names
from services.worker.csv.reading import Limits, Reading
from services.worker.csv.sniff import sniff
from services.worker.csv.state import ReadState

DEFAULT_LIMITS = Limits()
Row = list[str | None]

_PREVIEW_LIMITS = Limits(threads=1)


@dataclass(frozen=True)
class Preview:
    """The dialect, the columns by position, and the first good rows exactly as text (None is NULL)."""

    dialect: Dialect
    source_names: tuple[str, ...]
    names: tuple[str, ...]
    rows: list[Row]


def read_blocks(
    stream: BinaryIO,
    dialect: Dialect,
    *,
    columns: Sequence[str] | None = None,
    resume: ReadState | None = None,
    available: int,
    final: bool,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[tuple[Block, ReadState]]:
    """Yield the blocks of `stream[:available]` in order, each with the state from which a later call goes on behind it.

    `columns` are some of the table's names (`ReadState.names`), in the wanted order; which records are rejected does not depend on it.
    Unless `final`, reading stops before the last record that may still grow. `resume` must come from the same file, dialect and
    `max_record_bytes`. Compressed or transcoded input is decoded from its start again to get to the resume point.
    """
    source = open_source(stream, dialect, available=available, final=final, limits=limits.decode)
    return Reading(source, dialect, columns=columns, state=resume or ReadState(), final=final, limits=limits).blocks()


def read_header(stream: BinaryIO, dialect: Dialect, *, available: int, final: bool, limits: Limits = DEFAULT_LIMITS) -> tuple[str, ...] | None:
    """Return the source names of the columns; None while the header has not arrived whole."""
    for _, state in read_blocks(stream, dialect, available=available, final=final, limits=limits):
        if state.source_names is not None:
            return state.source_names
    return None


def preview(head: bytes, *, whole: bool, override: DialectOverride = NO_OVERRIDE, rows: int = 100) -> Preview:
    """Preview the file that begins with `head`; unless that is the `whole` of it, its last record is taken for incomplete."""
    dialect = sniff(head, whole=whole, override=override)
    found: list[Row] = []
    source_names: Sequence[str] = ()
    for block, state in read_blocks(io.BytesIO(head), dialect, available=len(head), final=whole, limits=_PREVIEW_LIMITS):
        source_names = state.source_names or ()
        table = block.table.slice(0, rows - len(found))
        columns = [column.to_pylist() for column in table.columns]
        found.extend([list(row) for row in zip(*columns, strict=True)])
        if len(found) >= rows:
            break
    return Preview(dialect, tuple(source_names), tuple(column_names(source_names)), found)
