"""What a query reads: a scan for each time a table is named, and the columns of it that the answer depends on.

A WITH query is read as often as it is named, and not at all when nobody names it; a column that a subquery offers and nobody takes
is not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count

from services.shared.catalog.port import Table

Use = tuple[int, str]
NOTHING: frozenset[Use] = frozenset()


@dataclass(frozen=True)
class Scan:
    """One reading of a table: the columns needed, in the table's order."""

    table: Table
    columns: tuple[str, ...]


@dataclass
class Reads:
    """The scans of a query so far, by number, and the columns that it needs whoever asks."""

    scans: dict[int, Table] = field(default_factory=dict)
    needed: set[Use] = field(default_factory=set)

    def add(self, other: Reads) -> None:
        """Take in what a part of the query reads."""
        self.scans |= other.scans
        self.needed |= other.needed

    def again(self, numbers: count[int]) -> tuple[Reads, Mapping[int, int]]:
        """Return the same reads as scans of their own, and the number that each scan has now."""
        renumbered = {number: next(numbers) for number in self.scans}
        scans = {renumbered[number]: table for number, table in self.scans.items()}
        return Reads(scans, set(renumber(self.needed, renumbered))), renumbered

    def finish(self, uses: frozenset[Use]) -> tuple[Scan, ...]:
        """Return the scans of a query whose output columns need `uses`."""
        every = self.needed | uses
        named = {number: {name for scan, name in every if scan == number} for number in self.scans}
        return tuple(
            Scan(table, tuple(c.name for c in (*table.columns, *table.partition_keys) if c.name.lower() in named[number]))
            for number, table in self.scans.items()
        )


def renumber(uses: frozenset[Use] | set[Use], numbers: Mapping[int, int]) -> frozenset[Use]:
    """Return the uses under the scans' new numbers."""
    return frozenset((numbers.get(scan, scan), name) for scan, name in uses)
