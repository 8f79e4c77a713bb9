"""The binder of one SELECT, from FROM to LIMIT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from services.shared.sql.bound import Bound, invalid, mismatch, unsupported
from services.shared.sql.environment import Environment
from services.shared.sql.expressions import ExpressionBinder
from services.shared.sql.grouping import check_grouped, holds_aggregate
from services.shared.sql.ordering import limits, order_suffix, ordinal_of
from services.shared.sql.reads import NOTHING, Use
from services.shared.sql.relations import bind_from
from services.shared.sql.scope import BoundQuery, Output, Scope
from services.shared.sql.types import Kind

_SELECT = {"with_", "kind", "expressions", "from_", "joins", "where", "group", "having", "windows", "distinct", "order", "limit", "offset"}


class Select:
    """One SELECT, bound from FROM to LIMIT."""

    def __init__(self, select: exp.Select, outer: Scope, environment: Environment) -> None:
        self._select, self._outer, self._environment = select, outer, environment
        self._uses: list[frozenset[Use]] = []
        refuse_unknown(select, _SELECT)

    def bind(self) -> BoundQuery:
        """Return the query, its columns c1 to cn."""
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
        return BoundQuery(" ".join(written) + limits(select), outputs)

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
        ordinal = ordinal_of(node, len(items))
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
            ordinal = ordinal_of(node.this, len(items))
            bound = items[ordinal - 1][1] if ordinal else binder.bind(node.this)
            if bound.type.kind is Kind.MAP:
                raise mismatch(f"{bound.type} can't be ordered", node)
            at = chosen.get(bound.sql)
            if at is None and self._select.args.get("distinct") is not None:
                raise invalid("With DISTINCT, what ORDER BY names must be selected", node)
            keys.append((f"c{at}" if at else bound.sql) + order_suffix(node))
        return ", ".join(keys)


def refuse_unknown(query: exp.Expr, known: set[str]) -> None:
    """Refuse by name the clauses of a query that nobody reads."""
    for key, value in query.args.items():
        if key not in known and value not in (None, False, []):
            raise unsupported(key.upper().replace("_", " ").strip(), query)


def _output_name(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Alias):
        return node.alias.lower()
    if isinstance(node, exp.Column | exp.Dot):
        return node.name.lower() or None
    return None
