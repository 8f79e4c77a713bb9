"""Reading a file to plain Python values, to compare one way of reading with another."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.worker.csv.blocks import Counts, Reject
from services.worker.csv.dialect import Dialect
from services.worker.csv.reader import read_blocks
from services.worker.csv.reading import Limits
from services.worker.csv.state import ReadState

Row = tuple[str | None, ...]


@dataclass
class Flat:
    """Everything a reading says, without the borders of its blocks."""

    rows: list[Row] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    end: int = 0
    line: int = 1
    source_names: tuple[str, ...] | None = None


def limits(chunk: int = 8 << 20, *, fast: bool = True, max_record: int = 64 << 20, threads: int = 1) -> Limits:
    return Limits(chunk_bytes=chunk, exact_bytes=max(1, chunk // 2), max_record_bytes=max_record, fast=fast, threads=threads)


def read_flat(
    data: bytes,
    dialect: Dialect,
    *,
    how: Limits | None = None,
    stops: Sequence[int] = (),
    columns: Sequence[str] | None = None,
    places: bool = True,
) -> Flat:
    """Read all of `data`; with `stops`, in several calls, each over a longer beginning and from the state the last one left."""
    flat = Flat()
    state: ReadState | None = None
    for available in [*stops, None]:
        size = len(data) if available is None else available
        blocks = read_blocks(
            io.BytesIO(data),
            dialect,
            columns=columns,
            resume=state,
            available=size,
            final=available is None,
            limits=how or limits(),
        )
        for block, after in blocks:
            assert block.byte_offset == flat.end
            assert block.first_line == flat.line
            assert block.end_offset == block.byte_offset + block.bytes == after.offset
            assert block.records == block.table.num_rows
            flat.rows.extend(zip(*(column.to_pylist() for column in block.table.columns), strict=True))
            flat.places.extend((block.line_of(row), block.byte_offset_of(row)) for row in range(block.records if places else 0))
            flat.rejects.extend(block.rejects)
            flat.counts += block.counts
            assert after.counts == flat.counts
            flat.end, flat.line, flat.source_names = after.offset, after.line, after.source_names
            state = ReadState.from_json(after.to_json())
    return flat
