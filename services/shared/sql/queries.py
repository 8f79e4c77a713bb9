"""The binder of queries: WITH, SELECT, set operations; each becomes a DuckDB query whose columns are c1 to cn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from services.shared.sql.bound import Bound, invalid, mismatch, unsupported, widen
from services.shared.sql.environment import Environment
from services.shared.sql.expressions import ExpressionBinder
from services.shared.sql.ordering import limits, order_suffix, ordinal_of
from services.shared.sql.reads import NOTHING
from services.shared.sql.scope import BoundQuery, Cte, Output, Scope
from services.shared.sql.select import Select, refuse_unknown
from services.shared.sql.types import common_type

_SET = {"with_", "this", "expression", "distinct", "order", "limit", "offset"}
_SETS: dict[type[exp.Expr], str] = {exp.Union: "UNION", exp.Intersect: "INTERSECT", exp.Except: "EXCEPT"}


def bind_query(query: exp.Query, outer: Scope, environment: Environment) -> BoundQuery:
    """Bind a query in the scope around it."""
    prefix, scope = _bind_with(query.args.get("with_"), outer, environment)
    with environment.reading() as reads:
        bound = _bind_body(query, scope, environment)
    return replace(bound, sql=prefix + bound.sql, reads=reads)


def _bind_body(query: exp.Query, scope: Scope, environment: Environment) -> BoundQuery:
    match query:
        case exp.Select():
            bound = Select(query, scope, environment).bind()
        case exp.SetOperation():
            bound = _bind_set(query, scope, environment)
        case exp.Subquery():
            bound = _bind_nested(query, scope, environment)
        case exp.Values():
            bound = Select(exp.select("*").from_(query), scope, environment).bind()
        case exp.Table():
            bound = Select(exp.select("*").from_(query), scope, environment).bind()
        case _:
            raise unsupported(type(query).__name__.upper(), query)
    return bound


def _bind_with(node: exp.Expr | None, outer: Scope, environment: Environment) -> tuple[str, Scope]:
    if node is None:
        return "", outer
    if node.args.get("recursive"):
        raise unsupported("WITH RECURSIVE", node)
    scope, written = outer, []
    for cte in node.expressions:
        if not isinstance(cte, exp.CTE) or not isinstance(cte.this, exp.Query):
            raise unsupported("This WITH", node)
        bound = bind_query(cte.this, scope, environment)
        outputs = bound.outputs
        columns = cte.args["alias"].args.get("columns") or []
        if columns:
            if len(columns) != len(outputs):
                raise invalid(f"{cte.alias} names {len(columns)} columns, its query has {len(outputs)}", cte)
            outputs = tuple(replace(o, name=c.name.lower()) for c, o in zip(columns, outputs, strict=True))
        internal = environment.next_name("w")
        written.append(f"{internal} AS ({bound.sql})")
        scope = Scope(ctes={cte.alias.lower(): Cte(internal, outputs, bound.reads)}, parent=scope)
    return f"WITH {', '.join(written)} ", scope


def _bind_nested(query: exp.Subquery, scope: Scope, environment: Environment) -> BoundQuery:
    if not isinstance(query.this, exp.Query):
        raise unsupported("A parenthesis of this form", query)
    inner = bind_query(query.this, scope, environment)
    environment.reads.add(inner.reads)
    tail = _tail(query, inner.outputs, environment, scope)
    if not tail:
        return inner
    alias = environment.next_name("q")
    return BoundQuery(f"SELECT * FROM ({inner.sql}) AS {alias}{tail}", inner.outputs)  # noqa: S608 - built from bound parts, quoted names and texts


def _bind_set(query: exp.SetOperation, scope: Scope, environment: Environment) -> BoundQuery:
    refuse_unknown(query, _SET)
    word = _SETS.get(type(query))
    if word is None:
        raise unsupported(type(query).__name__.upper(), query)
    left = bind_query(query.this, scope, environment)
    right = bind_query(query.expression, scope, environment)
    environment.reads.add(left.reads)
    environment.reads.add(right.reads)
    if len(left.outputs) != len(right.outputs):
        raise invalid(f"The sides of {word} have {len(left.outputs)} and {len(right.outputs)} columns", query)
    outputs = []
    for index, (a, b) in enumerate(zip(left.outputs, right.outputs, strict=True), 1):
        shared = common_type(a.type, b.type)
        if shared is None:
            raise mismatch(f"Column {index} of {word} is {a.type} on one side and {b.type} on the other", query)
        outputs.append(Output(a.name, shared, a.uses | b.uses))
    sides = [_as_types(side, outputs, environment) for side in (left, right)]
    every = "" if query.args.get("distinct") else " ALL"
    if not (isinstance(query, exp.Union) and every):
        environment.use(left.uses | right.uses)
    alias = environment.next_name("q")
    sql = f"SELECT * FROM (({sides[0]}) {word}{every} ({sides[1]})) AS {alias}"  # noqa: S608 - built from bound parts, quoted names and texts
    return BoundQuery(sql + _tail(query, outputs, environment, scope), tuple(outputs))


def _as_types(side: BoundQuery, outputs: Sequence[Output], environment: Environment) -> str:
    alias = environment.next_name("q")
    written = (
        f"{widen(Bound(f'{alias}.c{i}', o.type), target.type).sql} AS c{i}"
        for i, (o, target) in enumerate(zip(side.outputs, outputs, strict=True), 1)
    )
    return f"SELECT {', '.join(written)} FROM ({side.sql}) AS {alias}"  # noqa: S608 - built from bound parts, quoted names and texts


def _tail(query: exp.Expr, outputs: Sequence[Output], environment: Environment, scope: Scope) -> str:
    """Return ORDER BY over the outputs, OFFSET and LIMIT of a query that is no plain SELECT."""
    aliases = {o.name: Bound(f"c{i}", o.type) for i, o in enumerate(outputs, 1) if o.name}
    binder = ExpressionBinder(Scope(aliases=aliases, parent=scope), environment, place="ORDER BY")
    keys = []
    order = query.args.get("order")
    if order is not None:
        environment.use(NOTHING.union(*(o.uses for o in outputs)))
    for node in order.expressions if order is not None else []:
        ordinal = ordinal_of(node.this, len(outputs))
        keys.append((f"c{ordinal}" if ordinal else binder.bind(node.this).sql) + order_suffix(node))
    return (f" ORDER BY {', '.join(keys)}" if keys else "") + limits(query)
