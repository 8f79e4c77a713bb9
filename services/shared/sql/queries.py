"""The binder of queries: WITH, SELECT, set operations; each becomes a DuckDB query whose columns are c1 to cn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from services.shared.sql.bound import Bound, invalid, mismatch, unsupported, widen
from services.shared.sql.environment import Environment
from services.shared.sql.expressions import ExpressionBinder
from services.shared.sql.grouping import check_grouped, holds_aggregate
from services.shared.sql.ordering import order_suffix
from services.shared.sql.reads import NOTHING, Use
from services.shared.sql.relations import bind_from
from services.shared.sql.scope import BoundQuery, Cte, Output, Scope
from services.shared.sql.types import Kind, common_type

_SELECT = {"with_", "kind", "expressions", "from_", "joins", "where", "group", "having", "windows", "distinct", "order", "limit", "offset"}
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
            bound = _Select(query, scope, environment).bind()
        case exp.SetOperation():
            bound = _bind_set(query, scope, environment)
        case exp.Subquery():
            bound = _bind_nested(query, scope, environment)
        case exp.Values():
            bound = _Select(exp.select("*").from_(query), scope, environment).bind()
        case exp.Table():
            bound = _Select(exp.select("*").from_(query), scope, environment).bind()
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
    _refuse_unknown(query, _SET)
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
        ordinal = _ordinal(node.this, len(outputs))
        keys.append((f"c{ordinal}" if ordinal else binder.bind(node.this).sql) + order_suffix(node))
    return (f" ORDER BY {', '.join(keys)}" if keys else "") + _limits(query)


def _ordinal(node: exp.Expr, most: int) -> int | None:
    if not isinstance(node, exp.Literal) or node.args.get("is_string") or not str(node.this).isdigit():
        return None
    if not 1 <= int(str(node.this)) <= most:
        raise invalid(f"There is no column {node.this} to sort or group by; there are {most}", node)
    return int(str(node.this))


def _limits(query: exp.Expr) -> str:
    written = ""
    for key in ("limit", "offset"):
        node = query.args.get(key)
        if node is None:
            continue
        if isinstance(node, exp.Fetch):
            if node.args.get("limit_options") is not None:
                raise unsupported("FETCH … WITH TIES", node)
            count = node.args.get("count")
        else:
            count = node.expression
        if isinstance(count, exp.Column) and count.name.lower() == "all":
            continue
        if not isinstance(count, exp.Literal) or not str(count.this).isdigit():
            raise unsupported(f"{key.upper()} with anything but a whole number", node)
        written += f" {key.upper()} {count.this}"
    return written


def _refuse_unknown(query: exp.Expr, known: set[str]) -> None:
    for key, value in query.args.items():
        if key not in known and value not in (None, False, []):
            raise unsupported(key.upper().replace("_", " ").strip(), query)


class _Select:
    """One SELECT, bound from FROM to LIMIT."""

    def __init__(self, select: exp.Select, outer: Scope, environment: Environment) -> None:
        self._select, self._outer, self._environment = select, outer, environment
        self._uses: list[frozenset[Use]] = []
        _refuse_unknown(select, _SELECT)

    def bind(self) -> BoundQuery:
        select, environment = self._select, self._environment
        source = bind_from(select, self._outer, environment)
        scope = Scope(source.fields if source else (), parent=self._outer)
        outer_windows = environment.windows
        environment.windows = {w.name.lower(): w for w in select.args.get("windows") or []}
        items = self._items(scope)
        written = [f"SELECT {self._distinct()}" + ", ".join(f"{b.sql} AS c{i}" for i, (_, b) in enumerate(items, 1))]
        if source:
            written.append(f"FROM {source.sql}")
        if where := select.args.get("where"):
            written.append("WHERE " + ExpressionBinder(scope, environment, place="WHERE").bind_boolean(where.this, "WHERE"))
        keys: list[tuple[exp.Expr, str]] = []
        if group := select.args.get("group"):
            written.append("GROUP BY " + self._grouping(group, scope, items, keys))
        with environment.reading():  # what is bound once more, only to be checked, is not read once more
            self._check_grouped(keys, scope, items)
        if having := select.args.get("having"):
            written.append("HAVING " + ExpressionBinder(scope, environment).bind_boolean(having.this, "HAVING"))
        if order := select.args.get("order"):
            written.append("ORDER BY " + self._order(order, scope, items))
        environment.windows = outer_windows
        outputs = tuple(Output(name, bound.type, uses) for (name, bound), uses in zip(items, self._uses, strict=True))
        if select.args.get("distinct") is not None or order is not None:
            environment.use(NOTHING.union(*self._uses))
        return BoundQuery(" ".join(written) + _limits(select), outputs)

    def _distinct(self) -> str:
        distinct = self._select.args.get("distinct")
        if distinct is None:
            return ""
        if distinct.args.get("on") is not None:
            raise unsupported("DISTINCT ON", distinct)
        return "DISTINCT "

    def _items(self, scope: Scope) -> list[tuple[str | None, Bound]]:
        items: list[tuple[str | None, Bound]] = []
        binder = ExpressionBinder(scope, self._environment, windows=True)
        for node in self._select.expressions:
            if isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
                for name, bound, uses in self._star(node, scope):
                    items.append((name, bound))
                    self._uses.append(uses)
                continue
            inner = node.this if isinstance(node, exp.Alias) else node
            with self._environment.reading() as reads:
                items.append((_output_name(node), binder.bind(inner)))
            self._environment.reads.scans |= reads.scans
            self._uses.append(frozenset(reads.needed))
        return items

    def _star(self, node: exp.Expr, scope: Scope) -> list[tuple[str | None, Bound, frozenset[Use]]]:
        star = node if isinstance(node, exp.Star) else node.this
        if any(star.args.values()):
            raise unsupported("A star with EXCEPT, REPLACE or RENAME", node)
        fields = scope.fields
        if isinstance(node, exp.Column):
            names = [p.name.lower() for p in node.parts[:-1]]
            fields = tuple(f for f in fields if f.qualifier == names[-1] and (len(names) == 1 or f.database == names[-2]))
        if not fields:
            raise invalid(f"{node.sql(dialect='trino')} stands for no column", node)
        return [(f.name, Bound(f.sql, f.type), f.uses) for f in fields]

    def _check_grouped(self, keys: Sequence[tuple[exp.Expr, str]], scope: Scope, items: Sequence[tuple[str | None, Bound]]) -> None:
        select = self._select
        having, order = select.args.get("having"), select.args.get("order")
        chosen = [node.this if isinstance(node, exp.Alias) else node for node in select.expressions]
        sorted_by = [node.this for node in order.expressions] if order else []
        if not (select.args.get("group") or having or holds_aggregate([*chosen, *sorted_by])):
            return
        binder = ExpressionBinder(scope, self._environment, windows=True)
        aliases = {name: bound for name, bound in items if name}
        for node in [*chosen, *([having.this] if having else [])]:
            if isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
                self._check_star(node, keys, scope)
            else:
                check_grouped(node, keys, scope, binder.bind)
        for node in sorted_by:
            inner = replace(scope, aliases=aliases)
            check_grouped(node, keys, inner, ExpressionBinder(inner, self._environment, windows=True).bind)

    def _check_star(self, node: exp.Expr, keys: Sequence[tuple[exp.Expr, str]], scope: Scope) -> None:
        texts = {written for _, written in keys}
        for name, bound, _ in self._star(node, scope):
            if bound.sql not in texts:
                raise invalid(f"The column {name or 'without a name'} must be in GROUP BY or inside an aggregate", node)

    def _grouping(self, group: exp.Expr, scope: Scope, items: Sequence[tuple[str | None, Bound]], keys: list[tuple[exp.Expr, str]]) -> str:
        if group.args.get("all") is not None or group.args.get("totals") is not None:
            raise unsupported("GROUP BY ALL, DISTINCT or TOTALS", group)
        written = [self._group_key(node, scope, items, keys) for node in group.expressions]
        for key in ("grouping_sets", "cube", "rollup"):
            written += [self._group_key(node, scope, items, keys) for node in group.args.get(key) or []]
        return ", ".join(written)

    def _group_key(self, node: exp.Expr, scope: Scope, items: Sequence[tuple[str | None, Bound]], keys: list[tuple[exp.Expr, str]]) -> str:
        match node:
            case exp.GroupingSets() | exp.Cube() | exp.Rollup():
                word = {"GroupingSets": "GROUPING SETS", "Cube": "CUBE", "Rollup": "ROLLUP"}[type(node).__name__]
                return f"{word} ({', '.join(self._group_key(each, scope, items, keys) for each in node.expressions)})"
            case exp.Tuple():
                return f"({', '.join(self._group_key(each, scope, items, keys) for each in node.expressions)})"
            case exp.Paren():
                return f"({self._group_key(node.this, scope, items, keys)})"
        ordinal = _ordinal(node, len(items))
        if ordinal:
            self._environment.use(self._uses[ordinal - 1])
            chosen = self._select.expressions[ordinal - 1] if ordinal <= len(self._select.expressions) else node
            chosen = chosen.this if isinstance(chosen, exp.Alias) else chosen
            if holds_aggregate([chosen]):
                raise invalid(f"Column {ordinal} holds an aggregate: it can't be grouped by", node)
            keys.append((chosen, items[ordinal - 1][1].sql))
            return items[ordinal - 1][1].sql
        bound = ExpressionBinder(scope, self._environment, place="GROUP BY").bind(node)
        keys.append((node, bound.sql))
        if bound.type.parts:
            raise unsupported(f"GROUP BY {bound.type}", node)
        return bound.sql

    def _order(self, order: exp.Expr, scope: Scope, items: Sequence[tuple[str | None, Bound]]) -> str:
        aliases = {name: bound for name, bound in reversed(items) if name}
        binder = ExpressionBinder(Scope(aliases=aliases, parent=scope), self._environment, windows=True)
        chosen, keys = {bound.sql: i for i, (_, bound) in reversed(list(enumerate(items, 1)))}, []
        for node in order.expressions:
            ordinal = _ordinal(node.this, len(items))
            bound = items[ordinal - 1][1] if ordinal else binder.bind(node.this)
            if bound.type.kind is Kind.MAP:
                raise mismatch(f"{bound.type} can't be ordered", node)
            at = chosen.get(bound.sql)
            if at is None and self._select.args.get("distinct") is not None:
                raise invalid("With DISTINCT, what ORDER BY names must be selected", node)
            keys.append((f"c{at}" if at else bound.sql) + order_suffix(node))
        return ", ".join(keys)


def _output_name(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Alias):
        return node.alias.lower()
    if isinstance(node, exp.Column | exp.Dot):
        return node.name.lower() or None
    return None
