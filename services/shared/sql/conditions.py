"""Conditions: IS, BETWEEN, IN, LIKE, EXISTS, quantified comparisons, CASE and IF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlglot import exp

from services.shared.sql.bound import Bound, coerce, invalid, mismatch, unify, unsupported, widen
from services.shared.sql.names import text
from services.shared.sql.operators import compare
from services.shared.sql.types import BOOLEAN, FLOATS, UNKNOWN, VARCHAR, Kind, Type, common_type, duckdb_type


class Expressions(Protocol):
    """What conditions need of the expression binder."""

    def bind(self, node: exp.Expr) -> Bound:
        """Bind an expression."""
        ...

    def bind_boolean(self, node: exp.Expr, what: str) -> str:
        """Bind a condition."""
        ...

    def bind_query(self, node: exp.Expr) -> tuple[str, tuple[Type, ...]]:
        """Bind a subquery."""
        ...

    def next_name(self, stem: str) -> str:
        """Return an unused name."""
        ...


def common_of(items: Sequence[Bound], node: exp.Expr) -> Type:
    """Return the type that holds all items."""
    shared = UNKNOWN
    for item in items:
        joined = common_type(shared, item.type)
        if joined is None and shared.kind is item.type.kind is Kind.TIMESTAMP_TZ:
            raise unsupported("A value in one of two time zones", node)
        if joined is None:
            raise mismatch(f"{shared} and {item.type} have no common type", node)
        shared = joined
    return shared


def is_(binder: Expressions, node: exp.Expr) -> Bound:
    """`x IS NULL`; IS TRUE is not Trino's."""
    if not isinstance(node.expression, exp.Null):
        raise unsupported("IS with anything but NULL", node)
    return Bound(f"({binder.bind(node.this).sql} IS NULL)", BOOLEAN)


def not_distinct(binder: Expressions, node: exp.Expr) -> Bound:
    """`x IS [NOT] DISTINCT FROM y`."""
    left, right, shared = unify(binder.bind(node.this), binder.bind(node.expression), what="IS DISTINCT FROM", node=node)
    if shared.parts:
        raise unsupported(f"IS DISTINCT FROM of {shared}", node)
    word = "NOT DISTINCT" if isinstance(node, exp.NullSafeEQ) else "DISTINCT"
    return Bound(f"({left.sql} IS {word} FROM {right.sql})", BOOLEAN)


def between(binder: Expressions, node: exp.Expr) -> Bound:
    """`x BETWEEN a AND b` is two comparisons."""
    if node.args.get("symmetric"):
        raise unsupported("BETWEEN SYMMETRIC", node)
    value = binder.bind(node.this)
    low = compare(">=", value, binder.bind(node.args["low"]), node)
    high = compare("<=", value, binder.bind(node.args["high"]), node)
    return Bound(f"({low.sql} AND {high.sql})", BOOLEAN)


def in_(binder: Expressions, node: exp.Expr) -> Bound:
    """`x IN (…)`."""
    value = binder.bind(node.this)
    query = node.args.get("query")
    if query is not None and isinstance(node.this, exp.Tuple):
        raise unsupported("IN over rows", node)
    if query is not None:
        return _in_query(binder, value, query, "IN", node)
    if node.args.get("unnest") is not None or node.args.get("field") is not None:
        raise unsupported("IN of this form", node)
    items = [binder.bind(each) for each in node.expressions]
    shared = common_of([value, *items], node)
    if shared.kind is Kind.ROW:
        return Bound("(" + " OR ".join(compare("=", value, item, node).sql for item in items) + ")", BOOLEAN)
    _refuse_nested(shared, "IN", node)
    listed = ", ".join(widen(i, shared).sql for i in items)
    if shared.kind in FLOATS and not all(i.literal for i in items):
        raise unsupported("IN over computed floating-point numbers", node)
    return Bound(f"({widen(value, shared).sql} IN ({listed}))", BOOLEAN)


def _in_query(binder: Expressions, value: Bound, query: exp.Expr, words: str, node: exp.Expr) -> Bound:
    sql, kinds = binder.bind_query(query)
    if len(kinds) != 1:
        raise invalid(f"A subquery here must have one column, not {len(kinds)}", node)
    shared = common_type(value.type, kinds[0])
    if shared is None:
        raise mismatch(f"Cannot compare {value.type} and {kinds[0]}", node)
    _refuse_nested(shared, words, node)
    alias = binder.next_name("q")
    column = widen(Bound(f"{alias}.c1", kinds[0]), shared)
    return Bound(f"({widen(value, shared).sql} {words} (SELECT {column.sql} FROM ({sql}) AS {alias}))", BOOLEAN)  # noqa: S608 - built from bound parts, quoted names and texts


def _refuse_nested(kind: Type, words: str, node: exp.Expr) -> None:
    if kind.parts:
        raise unsupported(f"{words} over {kind}", node)


def quantified(binder: Expressions, node: exp.Expr, sign: str) -> Bound:
    """`x > ALL (…)`, `x = ANY (…)`."""
    word = "ALL" if isinstance(node.expression, exp.All) else "ANY"
    inner = node.expression.this
    if not isinstance(inner, exp.Query | exp.Subquery):
        raise unsupported(f"{word} of this form", node)
    value = binder.bind(node.this)
    if value.type.kind in FLOATS:
        raise unsupported(f"{word} over floating-point numbers", node)
    return _in_query(binder, value, inner, f"{sign} {word}", node)


def exists(binder: Expressions, node: exp.Expr) -> Bound:
    """`EXISTS (…)`."""
    return Bound(f"(EXISTS ({binder.bind_query(node.this)[0]}))", BOOLEAN)


def scalar_subquery(binder: Expressions, node: exp.Expr) -> Bound:
    """A subquery as a value; more than one row is an error, as in Trino."""
    sql, kinds = binder.bind_query(node)
    if len(kinds) != 1:
        raise invalid(f"A subquery as a value must have one column, not {len(kinds)}", node)
    return Bound(f"({sql})", kinds[0])


def like(binder: Expressions, node: exp.Expr) -> Bound:
    """`x LIKE pattern`, which has no escape unless one is named."""
    return _like(binder, node, None)


def escaped(binder: Expressions, node: exp.Expr) -> Bound:
    """`x LIKE pattern ESCAPE e`."""
    if not isinstance(node.this, exp.Like):
        raise unsupported("ESCAPE of this form", node)
    mark = binder.bind(node.expression).string
    if mark is None or len(mark) != 1:
        raise invalid("ESCAPE takes one character", node)
    return _like(binder, node.this, mark)


def _like(binder: Expressions, node: exp.Expr, mark: str | None) -> Bound:
    value, pattern = (coerce(binder.bind(each), VARCHAR, node=node) for each in (node.this, node.expression))
    ending = f" ESCAPE {text(mark)}" if mark else ""
    word = "NOT LIKE" if node.args.get("negate") else "LIKE"
    return Bound(f"({value.sql} {word} {pattern.sql}{ending})", BOOLEAN)


def case(binder: Expressions, node: exp.Expr) -> Bound:
    """CASE in both forms."""
    subject = binder.bind(node.this) if node.this is not None else None
    conditions, values = [], []
    for branch in node.args["ifs"]:
        if subject is None:
            conditions.append(binder.bind_boolean(branch.this, "WHEN"))
        else:
            conditions.append(compare("=", subject, binder.bind(branch.this), branch).sql)
        values.append(binder.bind(branch.args["true"]))
    default = node.args.get("default")
    if default is not None:
        values.append(binder.bind(default))
    shared = common_of(values, node)
    written = [widen(v, shared).sql for v in values]
    branches = " ".join(f"WHEN {c} THEN {v}" for c, v in zip(conditions, written, strict=False))
    otherwise = f" ELSE {written[-1]}" if default is not None else ""
    return _case(branches, otherwise, shared)


def if_(binder: Expressions, node: exp.Expr) -> Bound:
    """`if(condition, a[, b])`."""
    condition = binder.bind_boolean(node.this, "if")
    values = [binder.bind(v) for v in (node.args.get("true"), node.args.get("false")) if v is not None]
    shared = common_of(values, node)
    otherwise = f" ELSE {widen(values[1], shared).sql}" if len(values) > 1 else ""
    return _case(f"WHEN {condition} THEN {widen(values[0], shared).sql}", otherwise, shared)


def _case(branches: str, otherwise: str, shared: Type) -> Bound:
    sql = f"(CASE {branches}{otherwise} END)"
    return Bound(sql if shared.kind is not Kind.UNKNOWN else f"CAST({sql} AS {duckdb_type(shared)})", shared)
