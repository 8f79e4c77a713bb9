"""Bitwise functions: shifts keep the width of their type (docs: functions/bitwise)."""

from __future__ import annotations

from services.shared.sql.bound import Bound, failure, refusal
from services.shared.sql.call import Call, Function, Functions
from services.shared.sql.functions.simple import Form, simple
from services.shared.sql.types import BIGINT, INTEGERS, Kind, duckdb_type

_BITS = {Kind.TINYINT: 8, Kind.SMALLINT: 16, Kind.INTEGER: 32, Kind.BIGINT: 64}


def _pair(template: str) -> Function:
    return simple(Form((BIGINT, BIGINT), BIGINT, template))


def _shift(kind: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(2)
        value, places = call.arg(0), call.typed(1, BIGINT).sql
        if value.type.kind not in INTEGERS:
            raise call.mismatch(f"{call.name} takes a whole number, not {value.type}")
        bits, held = _BITS[value.type.kind], duckdb_type(value.type)
        wide = f"CAST({value.sql} AS HUGEINT)"
        size = f"least({places}, {bits})"
        power = f"(CAST(1 AS HUGEINT) << CAST({size} AS HUGEINT))"
        unsigned = f"(({wide} + {1 << bits}) % {1 << bits})"
        match kind:
            case "left":
                moved = f"(({unsigned} % (CAST({1 << bits} AS HUGEINT) // {power})) * {power})"
            case "right":
                moved = f"({unsigned} // {power})"
            case _:
                moved = f"(({wide} - (({wide} % {power}) + {power}) % {power}) // {power})"
        signed = moved if kind == "arithmetic" else f"(CASE WHEN {moved} >= {1 << (bits - 1)} THEN {moved} - {1 << bits} ELSE {moved} END)"
        negative = refusal(f"{call.name} by a negative number", value.type)
        missing = f"{value.sql} IS NULL OR {places} IS NULL"
        return Bound(f"(CASE WHEN {missing} THEN NULL WHEN {places} < 0 THEN {negative} ELSE CAST({signed} AS {held}) END)", value.type)

    return bind


def _bit_count(call: Call) -> Bound:
    call.need(2)
    value, bits = call.typed(0, BIGINT).sql, call.arg(1).number
    if bits is None or not 2 <= bits <= 64:
        raise call.unsupported("bit_count with a number of bits that is not a literal from 2 to 64")
    if bits == 64:
        return Bound(f"CAST(bit_count({value}) AS BIGINT)", BIGINT)
    wrong = failure(f"'bit_count takes a number of {bits} bits'", BIGINT)
    fits = f"{value} BETWEEN {-(1 << (bits - 1))} AND {(1 << (bits - 1)) - 1}"
    counted = f"CAST(bit_count({value} & CAST({(1 << bits) - 1} AS BIGINT)) AS BIGINT)"
    return Bound(f"(CASE WHEN {value} IS NULL THEN NULL WHEN {fits} THEN {counted} ELSE {wrong} END)", BIGINT)


FUNCTIONS: Functions = {
    "bitwise_and": _pair("({0} & {1})"),
    "bitwise_or": _pair("({0} | {1})"),
    "bitwise_xor": _pair("xor({0}, {1})"),
    "bitwise_not": simple(Form((BIGINT,), BIGINT, "(~{0})")),
    "bitwise_left_shift": _shift("left"),
    "bitwise_right_shift": _shift("right"),
    "bitwise_right_shift_arithmetic": _shift("arithmetic"),
    "bit_count": _bit_count,
}
