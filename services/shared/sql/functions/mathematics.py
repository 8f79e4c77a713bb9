"""Mathematical functions (docs: functions/math)."""

from __future__ import annotations

from services.shared.sql.bound import Bound, coerce, failure, refusal
from services.shared.sql.call import Call, Function, Functions
from services.shared.sql.conditions import common_of
from services.shared.sql.functions.simple import Form, simple
from services.shared.sql.operators import arithmetic, scaled, unscaled
from services.shared.sql.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    FLOATS,
    INTEGERS,
    MAX_PRECISION,
    NUMBERS,
    VARCHAR,
    Kind,
    Type,
    array_of,
    decimal,
    duckdb_type,
)


def _double(template: str) -> Function:
    return simple(Form((DOUBLE,), DOUBLE, template))


def _pair(template: str) -> Function:
    return simple(Form((DOUBLE, DOUBLE), DOUBLE, template))


def _number(call: Call, index: int = 0) -> Bound:
    bound = call.arg(index)
    if bound.type.kind not in NUMBERS:
        raise call.mismatch(f"{call.name} takes a number, not {bound.type}")
    return bound


def _abs(call: Call) -> Bound:
    call.need(1)
    value = _number(call)
    return Bound(f"abs({value.sql})", value.type)


def _sign(call: Call) -> Bound:
    call.need(1)
    value = _number(call)
    kind = decimal(1, 0) if value.type.kind is Kind.DECIMAL else value.type
    if kind.kind in FLOATS:
        return Bound(f"(CASE WHEN isnan({value.sql}) THEN {value.sql} ELSE CAST(sign({value.sql}) AS {duckdb_type(kind)}) END)", kind)
    return Bound(f"CAST(sign({value.sql}) AS {duckdb_type(kind)})", kind)


def _whole(function: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(1)
        value = _number(call)
        kind = _without_decimals(value.type)
        return value if kind.kind in INTEGERS else Bound(f"CAST({function}({value.sql}) AS {duckdb_type(kind)})", kind)

    return bind


def _without_decimals(kind: Type) -> Type:
    return decimal(min(MAX_PRECISION, kind.precision - kind.scale + min(kind.scale, 1)) or 1, 0) if kind.kind is Kind.DECIMAL else kind


def _round(call: Call) -> Bound:
    call.need(1, 2)
    value = _number(call)
    if len(call.args) == 1:
        kind = _without_decimals(value.type)
        return value if kind.kind in INTEGERS else Bound(f"CAST(round({value.sql}) AS {duckdb_type(kind)})", kind)
    places = call.arg(1).number
    if places is None:
        raise call.unsupported("round to a number of places that is not a literal")
    kind = decimal(min(MAX_PRECISION, value.type.precision + 1), value.type.scale) if value.type.kind is Kind.DECIMAL else value.type
    if kind.kind is Kind.DECIMAL and places is not None and places >= kind.scale:
        return Bound(f"CAST({value.sql} AS {duckdb_type(kind)})", kind)
    return Bound(f"CAST(round({value.sql}, {places}) AS {duckdb_type(kind)})", kind)


def _truncate(call: Call) -> Bound:
    call.need(1, 2)
    value = _number(call)
    if len(call.args) == 2:
        places = call.arg(1).number
        if value.type.kind is not Kind.DECIMAL or places is None or not places >= 0:
            raise call.unsupported(f"truncate of {value.type} to a number of places")
        cut = 10 ** max(0, value.type.scale - places)
        return scaled(f"(({unscaled(value)} // {cut}) * {cut})", value.type)
    kind = decimal(max(1, value.type.precision - value.type.scale), 0) if value.type.kind is Kind.DECIMAL else value.type
    return value if kind.kind in INTEGERS else Bound(f"CAST(trunc({value.sql}) AS {duckdb_type(kind)})", kind)


def _mod(call: Call) -> Bound:
    call.need(2)
    return arithmetic("%", _number(call, 0), _number(call, 1), call.node)


def _extreme(function: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(1, 100)
        items = [call.arg(i) for i in range(len(call.args))]
        shared = common_of(items, call.node)
        if shared.parts or shared.kind in (Kind.UNKNOWN, Kind.JSON):
            raise call.unsupported(f"{call.name} of {shared}")
        listed = ", ".join(f"CAST({i.sql} AS {duckdb_type(shared)})" for i in items)
        missing = " OR ".join(f"{i.sql} IS NULL" for i in items)
        if shared.kind in FLOATS:
            unclear = " OR ".join(f"isnan(CAST({i.sql} AS {duckdb_type(shared)}))" for i in items)
            missing += f" THEN NULL WHEN {unclear} THEN {refusal(f'{call.name} of NaN', shared)} WHEN FALSE"
        return Bound(f"(CASE WHEN {missing} THEN NULL ELSE {function}({listed}) END)", shared)

    return bind


def _width_bucket(call: Call) -> Bound:
    call.need(2, 4)
    operand = call.typed(0, DOUBLE).sql
    if len(call.args) == 2:
        bins = coerce(call.arg(1), array_of(DOUBLE), node=call.node).sql
        wrong = failure("'width_bucket takes bins that rise'", BIGINT)
        unordered = f"list_sort({bins}) <> {bins} OR len({bins}) = 0"
        return Bound(
            f"(CASE WHEN {operand} IS NULL OR {bins} IS NULL THEN NULL WHEN {unordered} THEN {wrong} "
            f"ELSE len(list_filter({bins}, lambda b: b <= {operand})) END)",
            BIGINT,
        )
    call.need(4)
    low, high, count = call.typed(1, DOUBLE).sql, call.typed(2, DOUBLE).sql, call.typed(3, BIGINT).sql
    wrong = failure("'width_bucket takes two different bounds and a positive number of buckets'", BIGINT)
    inside = f"CAST(floor(CAST({count} AS DOUBLE) * ({operand} - {low}) / ({high} - {low})) AS BIGINT) + 1"
    above = f"({low} < {high} AND {operand} >= {high}) OR ({low} > {high} AND {operand} <= {high})"
    below = f"({low} < {high} AND {operand} < {low}) OR ({low} > {high} AND {operand} > {low})"
    missing = " OR ".join(f"{each} IS NULL" for each in (operand, low, high, count))
    return Bound(
        f"(CASE WHEN {missing} THEN NULL WHEN {count} <= 0 OR {low} = {high} OR isnan({operand}) THEN {wrong} "
        f"WHEN {below} THEN CAST(0 AS BIGINT) WHEN {above} THEN {count} + 1 ELSE {inside} END)",
        BIGINT,
    )


def _from_base(call: Call) -> Bound:
    call.need(2)
    value, radix = call.typed(0, VARCHAR).sql, call.arg(1).number
    if radix is None or not 2 <= radix <= 36:
        raise call.unsupported("from_base with a radix that is not a literal from 2 to 36")
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"[:radix]
    places = f"list_transform(string_split(lower(ltrim({value}, '+-')), ''), lambda c: CAST(strpos('{digits}', c) - 1 AS HUGEINT))"
    number = f"list_reduce({places}, lambda a, c: a * {radix} + c)"
    wrong = failure("'from_base takes digits of its radix'", BIGINT)
    right = f"regexp_full_match(lower({value}), '[+-]?[{digits}]{{1,24}}')"
    return Bound(
        f"(CASE WHEN {value} IS NULL THEN NULL "
        f"WHEN {right} THEN CAST(CASE WHEN starts_with({value}, '-') THEN -{number} ELSE {number} END AS BIGINT) ELSE {wrong} END)",
        BIGINT,
    )


def _to_base(call: Call) -> Bound:
    call.need(2)
    value, radix = call.typed(0, BIGINT).sql, call.arg(1).number
    if radix is None or not 2 <= radix <= 36:
        raise call.unsupported("to_base with a radix that is not a literal from 2 to 36")
    least = refusal("to_base of the least bigint", VARCHAR)
    digits = f"lower(to_base(abs({value}), {radix}))"
    return Bound(f"(CASE WHEN {value} = (-9223372036854775807 - 1) THEN {least} WHEN {value} < 0 THEN '-' || {digits} ELSE {digits} END)", VARCHAR)


FUNCTIONS: Functions = {
    "width_bucket": _width_bucket,
    "from_base": _from_base,
    "to_base": _to_base,
    "abs": _abs,
    "sign": _sign,
    "ceil": _whole("ceil"),
    "ceiling": _whole("ceil"),
    "floor": _whole("floor"),
    "round": _round,
    "truncate": _truncate,
    "mod": _mod,
    "greatest": _extreme("greatest"),
    "least": _extreme("least"),
    "sqrt": _double("sqrt({0})"),
    "cbrt": _double("(CASE WHEN round(cbrt({0})) * round(cbrt({0})) * round(cbrt({0})) = {0} THEN round(cbrt({0})) ELSE cbrt({0}) END)"),
    "exp": _double("exp({0})"),
    "ln": _double("ln({0})"),
    "log2": _double("log2({0})"),
    "log10": _double("log10({0})"),
    "log": _pair("(ln({1}) / ln({0}))"),
    "pow": _pair("pow({0}, {1})"),
    "power": _pair("pow({0}, {1})"),
    "degrees": _double("degrees({0})"),
    "radians": _double("radians({0})"),
    "sin": _double("sin({0})"),
    "cos": _double("cos({0})"),
    "tan": _double("tan({0})"),
    "asin": _double("asin({0})"),
    "acos": _double("acos({0})"),
    "atan": _double("atan({0})"),
    "atan2": _pair("atan2({0}, {1})"),
    "pi": simple(Form((), DOUBLE, "pi()")),
    "e": simple(Form((), DOUBLE, "exp(CAST(1 AS DOUBLE))")),
    "nan": simple(Form((), DOUBLE, "CAST('NaN' AS DOUBLE)")),
    "infinity": simple(Form((), DOUBLE, "CAST('Infinity' AS DOUBLE)")),
    "random": simple(Form((), DOUBLE, "random()")),
    "rand": simple(Form((), DOUBLE, "random()")),
    "is_nan": simple(Form((DOUBLE,), BOOLEAN, "isnan({0})")),
    "is_finite": simple(Form((DOUBLE,), BOOLEAN, "isfinite({0})")),
    "is_infinite": simple(Form((DOUBLE,), BOOLEAN, "isinf({0})")),
}
