"""What a table is partitioned by: `country`, or `year(day)`, `month(day)`, `day(day)` of a date or timestamp.

A derived part is a column of its own, `day_year`, a bigint. The values of a key stand in the folders' names, not in the files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_ENTRY = re.compile(r"(year|month|day)\(([a-z_][a-z0-9_]*)\)|([a-z_][a-z0-9_]*)")
DERIVED_TYPE = "bigint"


@dataclass(frozen=True)
class PartitionKey:
    """A partition key: the table's column it is taken from, and which part of it (None: the column itself)."""

    column: str
    part: str | None = None

    @property
    def name(self) -> str:
        """The name of the table's column that it is."""
        return self.column if self.part is None else f"{self.column}_{self.part}"

    def __str__(self) -> str:
        return self.column if self.part is None else f"{self.part}({self.column})"


def parse_keys(entries: Sequence[str]) -> tuple[PartitionKey, ...]:
    """Read the entries of a `partition_by`, which have the form that the contract gives them."""
    return tuple(_parse(entry) for entry in entries)


def derived_names(entries: Sequence[str]) -> frozenset[str]:
    """Return the columns that are in no file: a publish makes them for the partitions' sake."""
    return frozenset(key.name for key in parse_keys(entries) if key.part is not None)


def _parse(entry: str) -> PartitionKey:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise ValueError(f"not an entry of partition_by: {entry!r}")
    return PartitionKey(match[3]) if match[3] else PartitionKey(match[2], match[1])
