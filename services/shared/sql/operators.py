"""Arithmetic and comparison with Trino's result types (docs: functions/decimal, functions/math, functions/datetime)."""

from __future__ import annotations

from sqlglot import exp

from services.shared.sql.bound import Bound, invalid, mismatch, refusal, unify, unsupported
from services.shared.sql.names import quoted
from services.shared.sql.types import (
    BOOLEAN,
    DAYS,
    FLOATS,
    INTEGERS,
    INTERVALS,
    MAX_PRECISION,
    MOMENTS,
    MONTHS,
    NUMBERS,
    Kind,
    Type,
    as_decimal,
    common_type,
    decimal,
    duckdb_type,
)  # fmt: skip
from services.shared.sql.zones import as_clock, at_zone, in_zone, zone_of

COMPARISONS: dict[type[exp.Expr], str] = {exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<="}
ARITHMETIC: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}

_SHORT = 18
_LONG = 19


def arithmetic(sign: str, left: Bound, right: Bound, node: exp.Expr) -> Bound:
    """Apply `+ - * / %`."""
    if left.type.kind in MOMENTS or right.type.kind in MOMENTS:
        return _moment_arithmetic(sign, left, right, node)
    if left.type.kind in INTERVALS and left.type == right.type and sign in "+-":
        return Bound(f"({left.sql} {sign} {right.sql})", left.type)
    if left.type.kind in INTERVALS and right.type.kind in INTEGERS and sign == "*":
        return Bound(f"({left.sql} * {right.sql})", left.type)
    shared = common_type(left.type, right.type)
    if shared is None or (shared.kind not in NUMBERS and shared.kind is not Kind.UNKNOWN):
        raise mismatch(f"Cannot apply {sign} to {left.type} and {right.type}", node)
    if shared.kind is Kind.DECIMAL:
        return _decimal_arithmetic(sign, left, right, node)
    left, right, shared = unify(left, right, what=sign, node=node)
    if shared.kind in FLOATS:
        return Bound(f"({left.sql} {sign} {right.sql})", shared)
    return Bound(f"({left.sql} {'//' if sign == '/' else sign} {right.sql})", shared)


def _decimal_arithmetic(sign: str, left: Bound, right: Bound, node: exp.Expr) -> Bound:
    if Kind.UNKNOWN in (left.type.kind, right.type.kind):
        shape = right.type if left.type.kind is Kind.UNKNOWN else left.type
        return Bound(f"CAST(NULL AS {duckdb_type(shape)})", shape)
    a, b = as_decimal(left.type), as_decimal(right.type)
    scale = max(a.scale, b.scale)
    match sign:
        case "+" | "-":
            whole = max(a.precision - a.scale, b.precision - b.scale)
            result = decimal(min(MAX_PRECISION, whole + scale + 1), scale)
            held = duckdb_type(result)
            return Bound(f"CAST((CAST({left.sql} AS {held}) {sign} CAST({right.sql} AS {held})) AS {held})", result)
        case "*":
            return _multiply(left, right, a, b, node)
        case "/":
            result = decimal(min(MAX_PRECISION, a.precision + b.scale + max(0, b.scale - a.scale)), scale)
            return divide_decimals(_as(left, a), _as(right, b), result, node)
        case _:
            result = decimal(min(b.precision - b.scale, a.precision - a.scale) + scale, scale)
            held = duckdb_type(_wide(max(a.precision - a.scale, b.precision - b.scale) + scale, scale, node))
            return Bound(f"CAST((CAST({left.sql} AS {held}) % CAST({right.sql} AS {held})) AS {duckdb_type(result)})", result)


def _multiply(left: Bound, right: Bound, a: Type, b: Type, node: exp.Expr) -> Bound:
    if a.scale + b.scale > MAX_PRECISION:
        raise invalid(f"The product of {a} and {b} has more than {MAX_PRECISION} decimals", node)
    result = decimal(min(MAX_PRECISION, a.precision + b.precision), a.scale + b.scale)
    if result.precision > _SHORT and max(a.precision, b.precision) <= _SHORT:  # DuckDB would check the product against 18 digits
        left = _as(left, decimal(_LONG, a.scale))
        return Bound(f"CAST(({left.sql} * {_as(right, b).sql}) AS {duckdb_type(result)})", result)
    return Bound(f"CAST(({_as(left, a).sql} * {_as(right, b).sql}) AS {duckdb_type(result)})", result)


def divide_decimals(left: Bound, right: Bound, result: Type, node: exp.Expr) -> Bound:
    """Divide exactly and round half away from zero, on whole numbers of 128 bits; a value that needs more is DuckDB's overflow."""
    shift = result.scale - left.type.scale + right.type.scale
    if shift >= MAX_PRECISION:
        raise unsupported(f"The division of {left.type} by {right.type} (its digits exceed {MAX_PRECISION - 1})", node)
    above, below = f"({unscaled(left)} * CAST({10**shift} AS HUGEINT))", unscaled(right)
    return scaled(round_half_up(above, below), result)


def round_half_up(above: str, below: str) -> str:
    """Return the quotient of two whole numbers, ties away from zero; a zero divisor is DuckDB's own error."""
    whole, left_over = f"abs({above}) // abs({below})", f"abs({above}) % abs({below})"
    return f"(({whole} + CAST({left_over} >= abs({below}) - {left_over} AS INTEGER)) * sign({above}) * sign({below}))"


def unscaled(value: Bound) -> str:
    """Return a decimal's digits as a HUGEINT."""
    precision, scale = value.type.precision, value.type.scale
    if scale == 0:
        return f"CAST({value.sql} AS HUGEINT)"
    if max(precision, _LONG) + scale + 1 <= MAX_PRECISION:
        wide = duckdb_type(decimal(max(precision, _LONG), scale))
        return f"CAST((CAST({value.sql} AS {wide}) * CAST({10**scale} AS DECIMAL({scale + 1},0))) AS HUGEINT)"
    return f"CAST(replace(CAST({value.sql} AS VARCHAR), '.', '') AS HUGEINT)"


def scaled(digits: str, result: Type) -> Bound:
    """Return a HUGEINT of digits as the decimal."""
    held, scale = duckdb_type(result), result.scale
    if scale == 0:
        return Bound(f"CAST({digits} AS {held})", result)
    one = "0." + "0" * (scale - 1) + "1"
    return Bound(f"CAST((CAST({digits} AS DECIMAL(38,0)) * CAST('{one}' AS DECIMAL({scale},{scale}))) AS {held})", result)


def _wide(precision: int, scale: int, node: exp.Expr) -> Type:
    if precision > MAX_PRECISION:
        raise unsupported("A remainder of decimals of more than 38 digits", node)
    return decimal(precision, scale)


def _as(value: Bound, kind: Type) -> Bound:
    return value if value.type == kind else Bound(f"CAST({value.sql} AS {duckdb_type(kind)})", kind)


def _moment_arithmetic(sign: str, left: Bound, right: Bound, node: exp.Expr) -> Bound:
    if sign == "-" and left.type.kind in MOMENTS and right.type.kind in MOMENTS:
        a, b, _ = unify(_instant(left), _instant(right), what=sign, node=node)
        return Bound(f"(epoch_ms(CAST({a.sql} AS TIMESTAMP)) - epoch_ms(CAST({b.sql} AS TIMESTAMP)))", DAYS)
    if sign == "+" and left.type.kind in INTERVALS:
        left, right = right, left
    if sign not in "+-" or right.type.kind not in INTERVALS:
        raise mismatch(f"Cannot apply {sign} to {left.type} and {right.type}", node)
    return shift_moment(left, sign, right, node)


def shift_moment(moment: Bound, sign: str, interval: Bound, node: exp.Expr) -> Bound:
    """Add an interval to a date or a timestamp; a month's missing last days fall on its last day."""
    held = duckdb_type(moment.type)
    if interval.type == MONTHS and zone_of(moment.type) != "UTC":
        return in_zone(shift_moment(as_clock(moment), sign, interval, node).sql, zone_of(moment.type))
    if interval.type == MONTHS:
        return Bound(f"CAST(({moment.sql} {sign} to_months(CAST({interval.sql} AS INTEGER))) AS {held})", moment.type)
    if moment.type.kind is Kind.DATE:
        if interval.number is None or interval.number % 86_400_000:
            raise mismatch("Cannot add hours, minutes or seconds to a date", node)
        return Bound(f"({moment.sql} {sign} CAST({interval.number // 86_400_000} AS INTEGER))", moment.type)
    return Bound(f"({moment.sql} {sign} to_milliseconds({interval.sql}))", moment.type)


def compare(sign: str, left: Bound, right: Bound, node: exp.Expr) -> Bound:
    """Compare as Trino does: no order between kinds, and NaN equals nothing and exceeds nothing."""
    left, right, shared = unify(_instant(left), _instant(right), what=sign, node=node)
    if shared.kind in (Kind.MAP, Kind.JSON) and sign not in ("=", "<>"):
        raise mismatch(f"Cannot order {shared}", node)
    if shared.kind is Kind.ROW:
        return _compare_rows(sign, left, right, shared, node)
    if shared.kind is Kind.ARRAY and sign in ("=", "<>"):
        return _compare_arrays(sign, left, right, shared, node)
    if shared.parts or shared.kind is Kind.JSON:
        raise unsupported(f"A comparison of {shared}", node)
    plain = f"{left.sql} {sign} {right.sql}"
    if shared.kind not in FLOATS or (left.literal and right.literal):
        return Bound(f"({plain})", BOOLEAN)
    bigger, other = (left, right) if sign in (">", ">=", "=", "<>") else (right, left)
    if sign in ("=", "<>") and (left.literal or right.literal):
        return Bound(f"({plain})", BOOLEAN)
    if sign == "<>":
        return Bound(f"({plain} OR (isnan({left.sql}) AND isnan({right.sql})))", BOOLEAN)
    if bigger.literal:
        return Bound(f"({plain})", BOOLEAN)
    known = "" if other.literal else f" OR ({other.sql} IS NULL AND NULL)"
    return Bound(f"({plain} AND (NOT isnan({bigger.sql}){known}))", BOOLEAN)


def _instant(value: Bound) -> Bound:
    """A moment is compared as the instant it is, whatever zone shows it."""
    return at_zone(value, "UTC") if value.type.kind is Kind.TIMESTAMP_TZ else value


def _compare_rows(sign: str, left: Bound, right: Bound, shared: Type, node: exp.Expr) -> Bound:
    """Compare field by field: unequal where one field is, NULL where one is unknown; an order needs all fields to be known."""
    names = [quoted(name) for name in shared.names]
    pairs = [(Bound(f"({left.sql}).{n}", part), Bound(f"({right.sql}).{n}", part)) for n, part in zip(names, shared.parts, strict=True)]
    equal = [compare("=", a, b, node).sql for a, b in pairs]
    missing = f"{left.sql} IS NULL OR {right.sql} IS NULL"
    if sign in ("=", "<>"):
        both = " AND ".join(equal)
        return Bound(f"(CASE WHEN {missing} THEN NULL ELSE {'NOT ' if sign == '<>' else ''}({both}) END)", BOOLEAN)
    ordered = compare(sign, *pairs[-1], node).sql
    for same, pair in zip(reversed(equal[:-1]), reversed(pairs[:-1]), strict=True):
        ordered = f"(CASE WHEN {same} THEN {ordered} ELSE {compare(sign[0], *pair, node).sql} END)"
    unknown = " OR ".join(f"{value.sql} IS NULL" for pair in pairs for value in pair)
    return Bound(f"(CASE WHEN {missing} THEN NULL WHEN {unknown} THEN {refusal('An order of rows with NULL', BOOLEAN)} ELSE {ordered} END)", BOOLEAN)


def _compare_arrays(sign: str, left: Bound, right: Bound, shared: Type, node: exp.Expr) -> Bound:
    """Unequal if the lengths or two elements are, NULL if two elements are unknown, else equal."""
    part = shared.parts[0]
    if part.parts or part.kind in FLOATS:
        raise unsupported(f"A comparison of {shared}", node)
    found = f"list_transform(range(1, len({left.sql}) + 1), lambda i: {left.sql}[i] = {right.sql}[i])"
    unknown = f"list_contains(list_transform({found}, lambda v: v IS NULL), TRUE)"
    equal = (
        f"(CASE WHEN {left.sql} IS NULL OR {right.sql} IS NULL THEN NULL WHEN len({left.sql}) <> len({right.sql}) THEN FALSE "
        f"WHEN list_contains({found}, FALSE) THEN FALSE WHEN {unknown} THEN NULL ELSE TRUE END)"
    )
    return Bound(f"(NOT {equal})" if sign == "<>" else equal, BOOLEAN)
