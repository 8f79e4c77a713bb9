"""The binder of expressions: every kind of node has its own line here, and what has none is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlglot import exp

from services.shared.errors import UnknownFunction
from services.shared.sql import conditions
from services.shared.sql.bound import MAX_TRANSLATION, NULL, Bound, integer, invalid, mismatch, unsupported, widen
from services.shared.sql.call import Call, Clauses
from services.shared.sql.casts import cast, read_type
from services.shared.sql.dialect import position
from services.shared.sql.environment import Environment
from services.shared.sql.functions.registry import AGGREGATES, SCALARS, WINDOWS, is_trino_function, nearest
from services.shared.sql.literals import bytes_literal, decimal_literal, interval, interval_of, literal, typed, unicode_text
from services.shared.sql.names import quoted
from services.shared.sql.operators import ARITHMETIC, COMPARISONS, arithmetic, compare
from services.shared.sql.ordering import order_keys, window_clause
from services.shared.sql.scope import Scope
from services.shared.sql.types import (
    BIGINT,
    BOOLEAN,
    NUMBERS,
    VARCHAR,
    Kind,
    Type,
    array_of,
    common_type,
)  # fmt: skip

_READ = frozenset({"this", "expression", "expressions"})
_READ_OF: dict[type[exp.Expr], frozenset[str]] = {
    exp.Literal: frozenset({"is_string"}),
    exp.Column: frozenset({"table", "db", "catalog"}),
    exp.Identifier: frozenset({"quoted"}),
    exp.Between: frozenset({"low", "high", "symmetric"}),
    exp.In: frozenset({"query", "unnest", "field"}),
    exp.Like: frozenset({"negate"}),
    exp.Case: frozenset({"ifs", "default"}),
    exp.If: frozenset({"true", "false"}),
    exp.Subquery: frozenset({"with_", "order", "limit", "offset"}),
    exp.Interval: frozenset({"unit"}),
    exp.Cast: frozenset({"to"}),
    exp.TryCast: frozenset({"to", "safe"}),
    exp.Div: frozenset({"typed", "safe"}),
    exp.DPipe: frozenset({"safe"}),
    exp.Window: frozenset({"partition_by", "order", "spec", "alias", "over"}),
    exp.Trim: frozenset({"position"}),
    exp.AtTimeZone: frozenset({"zone"}),
    exp.Substring: frozenset({"start", "length"}),
    exp.StrPosition: frozenset({"substr"}),
    exp.UnicodeString: frozenset({"escape"}),
}


class ExpressionBinder:
    """Binds the expressions of one scope; `aggregates` and `windows` say what may stand here, with the word to refuse by."""

    def __init__(self, scope: Scope, environment: Environment, *, place: str = "", windows: bool = False) -> None:
        self.scope = scope
        self._environment = environment
        self._place = place
        self._windows = windows

    def bind(self, node: exp.Expr) -> Bound:
        """Return the expression's DuckDB text and type."""
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise unsupported(_construct(node), node)
        unread = {key for key, value in node.args.items() if value not in (None, False, [])} - _READ - _READ_OF.get(type(node), frozenset())
        if unread:
            raise unsupported(f"{_construct(node)} with {sorted(unread)[0].upper().strip('_')}", node)
        bound = handler(self, node)
        if len(bound.sql) > MAX_TRANSLATION:
            raise unsupported("An expression of this size", node)
        return bound

    def bind_boolean(self, node: exp.Expr, what: str) -> str:
        """Bind a condition."""
        bound = self.bind(node)
        if bound.type.kind not in (Kind.BOOLEAN, Kind.UNKNOWN):
            raise mismatch(f"{what} must be boolean, not {bound.type}", node)
        return bound.sql if bound.type.kind is Kind.BOOLEAN else "CAST(NULL AS BOOLEAN)"

    def bind_lambda(self, node: exp.Expr, parameters: Sequence[Type | Bound]) -> tuple[str, Bound]:
        """Bind a lambda's body; a parameter is a type, and gets a name, or what it stands for."""
        if not isinstance(node, exp.Lambda) or len(node.expressions) != len(parameters):
            raise invalid(f"A lambda of {len(parameters)} parameters is needed here", node)
        meant = [p if isinstance(p, Bound) else Bound(self._environment.next_name("x"), p) for p in parameters]
        names = [bound.sql for given, bound in zip(parameters, meant, strict=True) if not isinstance(given, Bound)]
        known = {p.name.lower(): bound for p, bound in zip(node.expressions, meant, strict=True)}
        inner = ExpressionBinder(Scope(parameters=known, parent=self.scope), self._environment, place="a lambda")
        return ", ".join(names), inner.bind(node.this)

    def resolve(self, node: exp.Column) -> Bound:
        """Return what a column reference stands for."""
        return self.scope.resolve(node, use=self._environment.use)

    def bind_query(self, node: exp.Expr) -> tuple[str, tuple[Type, ...]]:
        """Bind a subquery; return its text and its column types."""
        inner = node.unnest() if isinstance(node, exp.Subquery) else node
        if not isinstance(inner, exp.Query):
            raise unsupported(_construct(node), node)
        bound = self._environment.bind_query(inner, self.scope)
        self._environment.reads.add(bound.reads)
        self._environment.use(bound.uses)
        return bound.sql, tuple(o.type for o in bound.outputs)

    def approximate(self, name: str) -> None:
        """Note an approximate function."""
        self._environment.approximate.add(name)

    def moment(self) -> str:
        """Return the moment of the query."""
        return self._environment.moment

    def next_name(self, stem: str) -> str:
        """Return a name that nothing else has."""
        return self._environment.next_name(stem)

    def call(self, name: str, args: Sequence[exp.Expr], node: exp.Expr, clauses: Clauses | None = None) -> Bound:
        """Bind a call: a scalar anywhere, an aggregate and a window function where they may stand."""
        name = name.lower()
        if name == "$decimal":
            return decimal_literal(args[0].name, node)
        scalar = SCALARS.get(name)
        if scalar is not None:
            if clauses is not None:
                raise invalid(f"{name} is no aggregate and no window function", node)
            return scalar(Call(name, tuple(args), node, self))
        over = clauses is not None and bool(clauses.over)
        if name in WINDOWS:
            if not over:
                raise invalid(f"The window function {name} needs OVER", node)
            return WINDOWS[name](Call(name, tuple(args), node, self, clauses or Clauses()))
        if name in AGGREGATES:
            return self._aggregate(name, args, node, clauses or Clauses())
        if is_trino_function(name):
            raise unsupported(f"The function {name}", node)
        line, column = position(node)
        raise UnknownFunction(f"There is no function {name}.{nearest(name)}", line=line, column=column)

    def _aggregate(self, name: str, args: Sequence[exp.Expr], node: exp.Expr, clauses: Clauses) -> Bound:
        if self._place and not clauses.over:
            raise invalid(f"The aggregate {name} can't stand in {self._place}", node)
        inner = self if clauses.over else ExpressionBinder(self.scope, self._environment, place="an aggregate")
        args = list(args)
        if args and isinstance(args[-1], exp.Order) and args[-1].this is not None:
            order = args.pop()
            args.append(order.this)
            clauses = replace(clauses, order=f" ORDER BY {order_keys(order.expressions, inner.bind)}")
        if len(args) == 1 and isinstance(args[0], exp.Distinct):
            args = list(args[0].expressions)
            clauses = replace(clauses, distinct=True)
        return AGGREGATES[name](Call(name, tuple(args), node, inner, clauses))

    def bind_window(self, node: exp.Window) -> Bound:
        """Bind `f(…) [IGNORE NULLS] [FILTER (…)] OVER (…)`."""
        if not self._windows:
            raise invalid(f"A window function can't stand in {self._place or 'this place'}", node)
        inner = ExpressionBinder(self.scope, self._environment, place=self._place)
        function, ignore = node.this, False
        if isinstance(function, exp.IgnoreNulls | exp.RespectNulls):
            ignore, function = isinstance(function, exp.IgnoreNulls), function.this
        filtered = ""
        if isinstance(function, exp.Filter):
            filtered = f" FILTER (WHERE {inner.bind_boolean(function.expression.this, 'FILTER')})"
            function = function.this
        name, args = _called(function)
        if args and isinstance(args[0], exp.IgnoreNulls | exp.RespectNulls):
            ignore, args = isinstance(args[0], exp.IgnoreNulls), [args[0].this, *args[1:]]
        over, ordered = window_clause(node, self._environment.windows, inner.bind)
        clauses = Clauses(filter=filtered, over=f" OVER ({over})", ignore_nulls=ignore, ordered=ordered)
        return inner.call(name, args, function, clauses)

    def bind_within_group(self, node: exp.Expr) -> Bound:
        """Bind `listagg(…) WITHIN GROUP (ORDER BY …)`."""
        name, args = _called(node.this)
        if name.lower() != "listagg" or not isinstance(node.expression, exp.Order):
            raise unsupported(f"WITHIN GROUP of {name}", node)
        inner = ExpressionBinder(self.scope, self._environment, place="an aggregate")
        distinct = bool(args) and isinstance(args[0], exp.Distinct)
        given = [*args[0].expressions, *args[1:]] if distinct else args
        order = f" ORDER BY {order_keys(node.expression.expressions, inner.bind)}"
        return self.call(name, given, node.this, Clauses(order=order, distinct=distinct))

    def bind_filter(self, node: exp.Filter) -> Bound:
        """Bind `aggregate(…) FILTER (WHERE …)`."""
        name, args = _called(node.this)
        inner = ExpressionBinder(self.scope, self._environment, place="FILTER")
        condition = inner.bind_boolean(node.expression.this, "FILTER")
        return self.call(name, args, node.this, Clauses(filter=f" FILTER (WHERE {condition})"))


def _called(node: exp.Expr) -> tuple[str, list[exp.Expr]]:
    if not isinstance(node, exp.Anonymous) or not isinstance(node.this, str):
        raise unsupported(_construct(node), node)
    return node.this, list(node.expressions)


def _construct(node: exp.Expr) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).upper()


def _anonymous(binder: ExpressionBinder, node: exp.Expr) -> Bound:
    if not isinstance(node.this, str):
        raise unsupported("A qualified function name", node)
    return binder.call(node.this, node.expressions, node)


def _column(binder: ExpressionBinder, node: exp.Expr) -> Bound:
    if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
        raise unsupported("A star in this place", node)
    return binder.resolve(node)


def _identifier(binder: ExpressionBinder, node: exp.Expr) -> Bound:
    return binder.resolve(exp.Column(this=node))


def _binary(binder: ExpressionBinder, node: exp.Expr) -> Bound:
    chain: list[exp.Expr] = []
    while type(node) in ARITHMETIC or isinstance(node, exp.DPipe):
        chain.append(node)
        node = node.this
    bound = binder.bind(node)
    for each in reversed(chain):
        right = binder.bind(each.expression)
        joins = isinstance(each, exp.DPipe)
        bound = _concatenate(bound, right, each) if joins else arithmetic(ARITHMETIC[type(each)], bound, right, each)
    return bound


def _concatenate(left: Bound, right: Bound, node: exp.Expr) -> Bound:
    kinds = {left.type.kind, right.type.kind}
    if kinds <= {Kind.VARCHAR, Kind.UNKNOWN}:
        return Bound(f"({widen(left, VARCHAR).sql} || {widen(right, VARCHAR).sql})", VARCHAR)
    shared = common_type(left.type, right.type)
    if shared is not None and shared.kind in (Kind.ARRAY, Kind.VARBINARY):
        return Bound(f"({widen(left, shared).sql} || {widen(right, shared).sql})", shared)
    for array, item, template in ((left, right, "({0} || [{1}])"), (right, left, "([{1}] || {0})")):
        element = common_type(array.type.parts[0], item.type) if array.type.kind is Kind.ARRAY else None
        if element is not None:
            return Bound(template.format(widen(array, array_of(element)).sql, widen(item, element).sql), array_of(element))
    raise mismatch(f"Cannot apply || to {left.type} and {right.type}", node)


def _connector(binder: ExpressionBinder, node: exp.Expr) -> Bound:
    kind, parts = type(node), list[str]()
    while type(node) is kind:
        parts.append(binder.bind_boolean(node.expression, kind.__name__.upper()))
        node = node.this
    parts.append(binder.bind_boolean(node, kind.__name__.upper()))
    return Bound("(" + f" {kind.__name__.upper()} ".join(reversed(parts)) + ")", BOOLEAN)


def _comparison(binder: ExpressionBinder, node: exp.Expr) -> Bound:
    word = node.expression.this if isinstance(node.expression, exp.Anonymous) else None
    if isinstance(word, str) and word.upper() in ("ALL", "ANY", "SOME") and len(node.expression.expressions) == 1:
        kind = exp.All if word.upper() == "ALL" else exp.Any
        return conditions.quantified(
            binder, type(node)(this=node.this, expression=kind(this=node.expression.expressions[0])), COMPARISONS[type(node)]
        )
    if isinstance(node.expression, exp.Any | exp.All):
        return conditions.quantified(binder, node, COMPARISONS[type(node)])
    return compare(COMPARISONS[type(node)], binder.bind(node.this), binder.bind(node.expression), node)


def _negation(binder: ExpressionBinder, node: exp.Expr) -> Bound:
    if isinstance(node.this, exp.Literal) and node.this.this == str(1 << 63):
        return Bound("CAST('-9223372036854775808' AS BIGINT)", BIGINT)
    value = binder.bind(node.this)
    if value.type.kind not in (*NUMBERS, Kind.DAYS, Kind.MONTHS):
        raise mismatch(f"Cannot negate {value.type}", node)
    if value.number is not None:
        return integer(-value.number, value.type) if value.type.kind in NUMBERS else interval_of(-value.number, value.type)
    return Bound(f"(-{value.sql})", value.type)


def _cast(binder: ExpressionBinder, node: exp.Expr) -> Bound:
    target, length = read_type(node.args["to"])
    lenient = isinstance(node, exp.TryCast)
    inner = node.this
    if node.args.get("format") is not None or node.args.get("default") is not None:
        raise unsupported("CAST with a format", node)
    value = binder.bind(inner)
    moment = typed(value.string, target, node) if isinstance(inner, exp.Literal) and value.string is not None and not lenient else None
    return moment if moment is not None else cast(value, target, lenient=lenient, length=length, node=node)


def _array(binder: ExpressionBinder, node: exp.Expr) -> Bound:
    items = [binder.bind(each) for each in node.expressions]
    shared = conditions.common_of(items, node)
    return Bound("[" + ", ".join(widen(i, shared).sql for i in items) + "]", array_of(shared))


def _bracket(binder: ExpressionBinder, node: exp.Expr) -> Bound:
    if len(node.expressions) != 1 or isinstance(node.expressions[0], exp.Slice):
        raise unsupported("A subscript of this form", node)
    return binder.call("$subscript", [node.this, node.expressions[0]], node)


def _dot(binder: ExpressionBinder, node: exp.Expr) -> Bound:
    value, name = binder.bind(node.this), node.expression.name.lower()
    if value.type.kind is not Kind.ROW or name not in value.type.names:
        raise invalid(f"{value.type} has no field {name}", node)
    return Bound(f"({value.sql}).{quoted(name)}", value.type.parts[value.type.names.index(name)])


def _special(name: str, *keys: str) -> Callable[[ExpressionBinder, exp.Expr], Bound]:
    def handle(binder: ExpressionBinder, node: exp.Expr) -> Bound:
        known = {k for k, v in node.args.items() if v not in (None, False, [])}
        if not known <= set(keys):
            raise unsupported(f"{name.upper()} of this form", node)
        return binder.call(name, [node.args[k] for k in keys if node.args.get(k) is not None], node)

    return handle


def _extract(binder: ExpressionBinder, node: exp.Expr) -> Bound:
    return binder.call(f"$extract_{node.this.name.lower()}", [node.expression], node)


def _trim(binder: ExpressionBinder, node: exp.Expr) -> Bound:
    side = str(node.args.get("position") or "BOTH").upper()
    name = {"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}[side]
    return binder.call(name, [a for a in (node.this, node.args.get("expression")) if a is not None], node)


def _at_zone(binder: ExpressionBinder, node: exp.Expr) -> Bound:
    return binder.call("at_timezone", [node.this, node.args["zone"]], node)


_HANDLERS: dict[type[exp.Expr], Callable[[ExpressionBinder, exp.Expr], Bound]] = {
    exp.Anonymous: _anonymous,
    exp.Literal: lambda _b, n: literal(n),
    exp.UnicodeString: lambda _b, n: unicode_text(n),
    exp.HexString: lambda _b, n: bytes_literal(n),
    exp.Column: _column,
    exp.Identifier: _identifier,
    exp.Null: lambda _b, _n: NULL,
    exp.Boolean: lambda _b, n: Bound("TRUE" if n.this else "FALSE", BOOLEAN),
    exp.Paren: lambda b, n: b.bind(n.this),
    exp.Neg: _negation,
    exp.DPipe: _binary,
    exp.And: _connector,
    exp.Or: _connector,
    exp.Not: lambda b, n: Bound(f"(NOT {b.bind_boolean(n.this, 'NOT')})", BOOLEAN),
    exp.Is: conditions.is_,
    exp.Between: conditions.between,
    exp.In: conditions.in_,
    exp.Like: conditions.like,
    exp.Escape: conditions.escaped,
    exp.Exists: conditions.exists,
    exp.NullSafeEQ: conditions.not_distinct,
    exp.NullSafeNEQ: conditions.not_distinct,
    exp.Case: conditions.case,
    exp.If: conditions.if_,
    exp.Subquery: conditions.scalar_subquery,
    exp.Interval: lambda _b, n: interval(n),
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Array: _array,
    exp.Tuple: lambda b, n: b.call("row", n.expressions, n),
    exp.WithinGroup: lambda b, n: b.bind_within_group(n),
    exp.Bracket: _bracket,
    exp.Dot: _dot,
    exp.Window: lambda b, n: b.bind_window(n) if isinstance(n, exp.Window) else NULL,
    exp.Filter: lambda b, n: b.bind_filter(n) if isinstance(n, exp.Filter) else NULL,
    exp.Extract: _extract,
    exp.Trim: _trim,
    exp.AtTimeZone: _at_zone,
    exp.Substring: _special("substr", "this", "start", "length"),
    exp.StrPosition: _special("strpos", "this", "substr"),
    exp.CurrentDate: _special("current_date"),
    exp.CurrentTimestamp: _special("current_timestamp"),
    exp.Localtimestamp: _special("localtimestamp"),
    **dict.fromkeys(ARITHMETIC, _binary),
    **dict.fromkeys(COMPARISONS, _comparison),
}
