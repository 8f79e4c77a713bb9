"""Types of the rows in a preview: the profile's own rules over the few rows there are, so likely but not decided."""

from collections.abc import Sequence

import pyarrow as pa

from services.worker.profile.column import Column, Limits
from services.worker.profile.summary import NULL_TOKENS, Wanted, summarise
from services.worker.profile.types import decide


def provisional_types(rows: Sequence[Sequence[str | None]]) -> list[str]:
    """Return one Athena type a column; `rows` are cells as text, None is NULL, all rows equally long."""
    if not rows:
        return []
    limits = Limits.of(len(rows[0]))
    types = []
    for cells in zip(*rows, strict=True):
        column = Column(limits)
        column.absorb(summarise(pa.chunked_array([cells], pa.string()), Wanted.by(column, NULL_TOKENS), lambda row: (row, row)))
        types.append(decide(column).type)
    return types
