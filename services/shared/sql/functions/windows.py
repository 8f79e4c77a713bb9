"""Window functions (docs: functions/window)."""

from __future__ import annotations

from services.shared.sql.bound import Bound, coerce, failure, unsupported
from services.shared.sql.call import Call, Function, Functions
from services.shared.sql.types import BIGINT, DOUBLE, Type


def _ranking(function: str, kind: Type) -> Function:
    def bind(call: Call) -> Bound:
        call.need(0)
        return Bound(f"CAST({call.aggregate(function)} AS {str(kind).upper()})", kind)

    return bind


def _ntile(call: Call) -> Bound:
    call.need(1)
    buckets = call.arg(0).number
    if buckets is None or buckets < 1:
        raise unsupported("ntile with a number that is not a literal", call.node)
    return Bound(call.aggregate("ntile", str(buckets)), BIGINT)


def _shifted(function: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(1, 3)
        if not call.clauses.ordered:
            raise call.mismatch(f"{call.name} needs a window with ORDER BY")
        value = call.arg(0)
        args = [value.sql]
        if len(call.args) > 1:
            offset = call.typed(1, BIGINT)
            negative = failure(f"'{call.name} takes no negative offset'", BIGINT)
            args.append(str(offset.number) if (offset.number or -1) >= 0 else f"CASE WHEN {offset.sql} < 0 THEN {negative} ELSE {offset.sql} END")
        if len(call.args) > 2:
            args.append(coerce(call.arg(2), value.type, node=call.node).sql)
        return Bound(call.aggregate(function, *args), value.type)

    return bind


def _valued(function: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(1)
        value = call.arg(0)
        return Bound(call.aggregate(function, value.sql), value.type)

    return bind


def _nth_value(call: Call) -> Bound:
    call.need(2)
    value, place = call.arg(0), call.arg(1).number
    if place is None or place < 1:
        raise unsupported("nth_value with a place that is not a literal", call.node)
    return Bound(call.aggregate("nth_value", value.sql, str(place)), value.type)


FUNCTIONS: Functions = {
    "row_number": _ranking("row_number", BIGINT),
    "rank": _ranking("rank", BIGINT),
    "dense_rank": _ranking("dense_rank", BIGINT),
    "percent_rank": _ranking("percent_rank", DOUBLE),
    "cume_dist": _ranking("cume_dist", DOUBLE),
    "ntile": _ntile,
    "lag": _shifted("lag"),
    "lead": _shifted("lead"),
    "first_value": _valued("first_value"),
    "last_value": _valued("last_value"),
    "nth_value": _nth_value,
}
