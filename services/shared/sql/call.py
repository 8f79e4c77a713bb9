"""A call of a function: its arguments bound on demand, and how an aggregate's own clauses are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sqlglot import exp

from services.shared.errors import Problem
from services.shared.sql.bound import Bound, coerce, invalid, mismatch, unsupported
from services.shared.sql.types import Type


class Binder(Protocol):
    """What a function needs of the expression binder."""

    def bind(self, node: exp.Expr) -> Bound:
        """Bind an expression."""
        ...

    def bind_lambda(self, node: exp.Expr, parameters: Sequence[Type | Bound]) -> tuple[str, Bound]:
        """Bind a lambda; return its parameters as DuckDB writes them (new names for those given by type), and its body."""
        ...

    def next_name(self, stem: str) -> str:
        """Return a name that nothing else has."""
        ...

    def approximate(self, name: str) -> None:
        """Note that the answer of this function is an approximation."""
        ...

    def moment(self) -> str:
        """Return the moment of the query, as a DuckDB timestamp in UTC."""
        ...


@dataclass(frozen=True)
class Clauses:
    """What an aggregate or window call carries beside its arguments, as DuckDB text."""

    distinct: bool = False
    order: str = ""
    filter: str = ""
    over: str = ""
    ignore_nulls: bool = False
    ordered: bool = False


@dataclass(frozen=True)
class Call:
    """One call; `args` are trees, bound by the accessors."""

    name: str
    args: tuple[exp.Expr, ...]
    node: exp.Expr
    binder: Binder
    clauses: Clauses = Clauses()

    def need(self, least: int, most: int | None = None) -> None:
        """Refuse another number of arguments."""
        if not least <= len(self.args) <= (least if most is None else most):
            raise invalid(f"{self.name} takes {least if most in (None, least) else f'{least} to {most}'} arguments, not {len(self.args)}", self.node)

    def arg(self, index: int) -> Bound:
        """Bind an argument."""
        return self.binder.bind(self.args[index])

    def typed(self, index: int, kind: Type) -> Bound:
        """Bind an argument and coerce it."""
        return coerce(self.arg(index), kind, node=self.node)

    def text(self, index: int, what: str) -> str:
        """Return an argument that must be a string literal."""
        value = self.arg(index).string
        if value is None:
            raise unsupported(f"{self.name} with a {what} that is not a literal", self.node)
        return value

    def aggregate(self, function: str, *args: str, order: bool = True, where: str | None = None) -> str:
        """Write one DuckDB aggregate or window call with this call's clauses; `where` narrows its rows further."""
        clauses = self.clauses if where is None else self._narrowed(where)
        inside = ("DISTINCT " if clauses.distinct else "") + ", ".join(args)
        inside += clauses.order if order else ""
        nulls = " IGNORE NULLS" if clauses.ignore_nulls else ""
        return f"{function}({inside}{nulls}){clauses.filter}{clauses.over}"

    def _narrowed(self, where: str) -> Clauses:
        inner = self.clauses.filter.removeprefix(" FILTER (WHERE ").removesuffix(")")
        return replace(self.clauses, filter=f" FILTER (WHERE {f'({inner}) AND ' if inner else ''}{where})")

    def unsupported(self, what: str) -> Problem:
        """Return the refusal by name."""
        return unsupported(what, self.node)

    def mismatch(self, detail: str) -> Problem:
        """Return the refusal of the types."""
        return mismatch(detail, self.node)


Function = Callable[[Call], Bound]
Functions = Mapping[str, Function]
