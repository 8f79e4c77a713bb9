"""Scopes: which names a part of a query sees, and what each stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sqlglot import exp

from services.shared.errors import ColumnAmbiguous, ColumnNotFound
from services.shared.sql.bound import Bound
from services.shared.sql.dialect import position
from services.shared.sql.names import near_miss, quoted
from services.shared.sql.reads import NOTHING, Reads, Use
from services.shared.sql.types import Kind, Type


@dataclass(frozen=True)
class Field:
    """A column that a FROM clause offers: its name, the alias (and database) that qualify it, its DuckDB text, its type, what it reads."""

    name: str | None
    sql: str
    type: Type
    qualifier: str | None = None
    database: str | None = None
    uses: frozenset[Use] = NOTHING


@dataclass(frozen=True)
class Output:
    """A column of a query's result, called `c1`, `c2` … inside; `uses` is what must be read for it alone."""

    name: str | None
    type: Type
    uses: frozenset[Use] = NOTHING


@dataclass(frozen=True)
class BoundQuery:
    """A translated query; its columns are named `c1` to `cn`, whatever users call them; `reads` is needed whatever columns are taken."""

    sql: str
    outputs: tuple[Output, ...]
    reads: Reads = field(default_factory=Reads)

    @property
    def uses(self) -> frozenset[Use]:
        """What must be read for all its columns."""
        return NOTHING.union(*(output.uses for output in self.outputs))


@dataclass(frozen=True)
class Cte:
    """A WITH query: the name it has inside, its columns, and what each naming of it reads."""

    internal: str
    outputs: tuple[Output, ...]
    reads: Reads = field(default_factory=Reads)


@dataclass(frozen=True)
class Scope:
    """The columns of a FROM clause, the lambda's parameters, the WITH queries, and the scope around."""

    fields: tuple[Field, ...] = ()
    ctes: Mapping[str, Cte] = field(default_factory=dict)
    parameters: Mapping[str, Bound] = field(default_factory=dict)
    aliases: Mapping[str, Bound] = field(default_factory=dict)
    parent: Scope | None = None

    def find_cte(self, name: str) -> Cte | None:
        """Return the WITH query of this name, the nearest one."""
        return next((scope.ctes[name] for scope in self.outward() if name in scope.ctes), None)

    def outward(self) -> Iterator[Scope]:
        """Yield this scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def resolve(self, node: exp.Column, *, use: Callable[[frozenset[Use]], None]) -> Bound:
        """Return what a column reference stands for: a parameter, an output's alias, a column, or a field of a row; `use` is told what it reads."""
        words = [part.name.lower() for part in node.parts]
        for scope in self.outward():
            if len(words) == 1 and words[0] in scope.parameters:
                return scope.parameters[words[0]]
            if len(words) == 1 and words[0] in scope.aliases:
                return scope.aliases[words[0]]
            for taken in range(min(3, len(words)), 0, -1):
                found = scope._matching(words[:taken])
                if len(found) > 1:
                    line, column = position(node)
                    raise ColumnAmbiguous(f"The column {'.'.join(words[:taken])} is in more than one table.", line=line, column=column)
                if found:
                    use(found[0].uses)
                    return _dereference(Bound(found[0].sql, found[0].type), words[taken:], node)
        raise self._not_found(words, node)

    def own(self, node: exp.Column) -> Bound | None:
        """Return the column of this scope's own relations that a reference stands for; None for a parameter, an alias or an outer column."""
        words = [part.name.lower() for part in node.parts]
        if len(words) == 1 and (words[0] in self.parameters or words[0] in self.aliases):
            return None
        for taken in range(min(3, len(words)), 0, -1):
            found = self._matching(words[:taken])
            if found:
                return Bound(found[0].sql, found[0].type)
        return None

    def _matching(self, words: list[str]) -> list[Field]:
        *before, name = words
        qualifier = before[-1] if before else None
        database = before[-2] if len(before) > 1 else None
        named = self._by_name.get(name, ())
        return [f for f in named if (qualifier is None or f.qualifier == qualifier) and (database is None or f.database == database)]

    @cached_property
    def _by_name(self) -> Mapping[str | None, list[Field]]:
        """The fields by name: a wide table has thousands, and a query may name them all."""
        by_name: dict[str | None, list[Field]] = {}
        for each in self.fields:
            by_name.setdefault(each.name, []).append(each)
        return by_name

    def _not_found(self, words: list[str], node: exp.Column) -> ColumnNotFound:
        line, column = position(node)
        known = {f.name for scope in self.outward() for f in scope.fields if f.name}
        name = ".".join(words)
        return ColumnNotFound(f"There is no column {name}.{near_miss(words[-1], sorted(known))}", line=line, column=column)


def _dereference(value: Bound, names: list[str], node: exp.Column) -> Bound:
    for name in names:
        if value.type.kind is not Kind.ROW or name not in value.type.names:
            line, column = position(node)
            raise ColumnNotFound(f"There is no column {'.'.join(p.name for p in node.parts)}.", line=line, column=column)
        value = Bound(f"({value.sql}).{quoted(name)}", value.type.parts[value.type.names.index(name)])
    return value
