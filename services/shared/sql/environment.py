"""What one translation knows and gathers: the catalog, the moment, the tables and functions it met."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from sqlglot import exp

from services.shared.catalog.port import Table
from services.shared.sql.reads import Reads, Use
from services.shared.sql.scope import BoundQuery, Scope
from services.shared.sql.show import Schemas


@dataclass
class Environment:
    """One translation's surroundings; `bind_query` is the query binder, so that expressions can hold subqueries."""

    schemas: Schemas
    database: str
    moment: str
    bind_query: Callable[[exp.Query, Scope], BoundQuery]
    tables: dict[tuple[str, str], Table] = field(default_factory=dict)
    views: set[tuple[str, str]] = field(default_factory=set)
    approximate: set[str] = field(default_factory=set)
    windows: Mapping[str, exp.Window] = field(default_factory=dict)
    reads: Reads = field(default_factory=Reads)
    scan_numbers: count[int] = field(default_factory=count)
    _names: int = 0

    def use(self, uses: frozenset[Use]) -> None:
        """Note what the part at hand reads."""
        self.reads.needed |= uses

    @contextmanager
    def reading(self) -> Iterator[Reads]:
        """Note what is read within apart from what is read around it."""
        outer, self.reads = self.reads, Reads()
        try:
            yield self.reads
        finally:
            self.reads = outer

    def next_name(self, stem: str) -> str:
        """Return a name that no other part of the translation has."""
        self._names += 1
        return f"{stem}{self._names}"
