"""The preview: the first rows of a file as raw text, from its first bytes, by the same reader that reads it whole."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from services.worker.csv.dialect import NO_OVERRIDE, Dialect, DialectOverride
from services.worker.csv.names import column_names
from services.worker.csv.reader import Limits, read_blocks
from services.worker.csv.sniff import sniff

Row = list[str | None]

_LIMITS = Limits(threads=1)


@dataclass(frozen=True)
class Preview:
    """The dialect, the columns by position, and the first good rows exactly as text (None is NULL)."""

    dialect: Dialect
    source_names: tuple[str, ...]
    names: tuple[str, ...]
    rows: list[Row]


def preview(head: bytes, *, whole: bool, override: DialectOverride = NO_OVERRIDE, rows: int = 100) -> Preview:
    """Preview the file that begins with `head`; unless that is the `whole` of it, its last record is taken for incomplete."""
    dialect = sniff(head, whole=whole, override=override)
    found: list[Row] = []
    source_names: Sequence[str] = ()
    for block, state in read_blocks(io.BytesIO(head), dialect, available=len(head), final=whole, limits=_LIMITS):
        source_names = state.source_names or ()
        table = block.table.slice(0, rows - len(found))
        columns = [column.to_pylist() for column in table.columns]
        found.extend([list(row) for row in zip(*columns, strict=True)])
        if len(found) >= rows:
            break
    return Preview(dialect, tuple(source_names), tuple(column_names(source_names)), found)
