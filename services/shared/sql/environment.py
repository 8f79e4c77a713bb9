"""What one translation knows and gathers: the catalog, the moment, the tables and functions it met."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from services.shared.catalog.port import Table
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
    approximate: set[str] = field(default_factory=set)
    windows: Mapping[str, exp.Window] = field(default_factory=dict)
    _names: int = 0

    def next_name(self, stem: str) -> str:
        """Return a name that no other part of the translation has."""
        self._names += 1
        return f"{stem}{self._names}"
