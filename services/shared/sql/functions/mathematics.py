"""Mathematical and bitwise functions (docs: functions/math, functions/bitwise)."""

from __future__ import annotations

from services.shared.sql.bound import Bound
from services.shared.sql.call import Call, Function, Functions
from services.shared.sql.conditions import common_of
from services.shared.sql.functions.simple import Form, simple
from services.shared.sql.operators import arithmetic
from services.shared.sql.types import BIGINT, BOOLEAN, DOUBLE, FLOATS, INTEGERS, MAX_PRECISION, NUMBERS, Kind, Type, decimal, duckdb_type


def _double(template: str) -> Function:
    return simple(Form((DOUBLE,), DOUBLE, template))


def _pair(template: str) -> Function:
    return simple(Form((DOUBLE, DOUBLE), DOUBLE, template))


def _bits(template: str) -> Function:
    return simple(Form((BIGINT, BIGINT), BIGINT, template))


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
    call.need(1)
    value = _number(call)
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
        if shared.parts or shared.kind in (*FLOATS, Kind.UNKNOWN):
            raise call.unsupported(f"{call.name} of {shared}")
        listed = ", ".join(f"CAST({i.sql} AS {duckdb_type(shared)})" for i in items)
        missing = " OR ".join(f"{i.sql} IS NULL" for i in items)
        return Bound(f"(CASE WHEN {missing} THEN NULL ELSE {function}({listed}) END)", shared)

    return bind


FUNCTIONS: Functions = {
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
    "cbrt": _double("cbrt({0})"),
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
    "bitwise_and": _bits("({0} & {1})"),
    "bitwise_or": _bits("({0} | {1})"),
    "bitwise_xor": _bits("xor({0}, {1})"),
    "bitwise_not": simple(Form((BIGINT,), BIGINT, "(~{0})")),
}
