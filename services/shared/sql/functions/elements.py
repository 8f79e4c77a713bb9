"""Elements and stretches of arrays and maps; a subscript beyond the end is an error, element_at gives NULL (docs: functions/array, map)."""

from __future__ import annotations

from services.shared.sql.bound import Bound, coerce, failure, invalid, unsupported
from services.shared.sql.call import Call, Functions
from services.shared.sql.functions.arrays import array_argument
from services.shared.sql.names import quoted
from services.shared.sql.operators import shift_moment
from services.shared.sql.types import BIGINT, DATE, DAYS, INTEGERS, MONTHS, Kind, array_of

_MOST = 10_000


def _subscript(call: Call) -> Bound:
    value = call.arg(0)
    if value.type.kind is Kind.MAP:
        key = coerce(call.arg(1), value.type.parts[0], node=call.node)
        missing = failure("'Key not present in map'", value.type.parts[1])
        return Bound(
            f"(CASE WHEN {value.sql} IS NULL OR map_contains({value.sql}, {key.sql}) THEN {value.sql}[{key.sql}] ELSE {missing} END)",
            value.type.parts[1],
        )
    if value.type.kind is Kind.ROW:
        place = call.arg(1).number
        if place is None or not 1 <= place <= len(value.type.parts):
            raise invalid(f"{value.type} has no field at this place", call.node)
        return Bound(f"({value.sql}).{quoted(value.type.names[place - 1])}", value.type.parts[place - 1])
    if value.type.kind is not Kind.ARRAY:
        raise call.mismatch(f"{value.type} has no subscripts")
    index, element = call.typed(1, BIGINT), value.type.parts[0]
    outside = failure("'Array subscript out of bounds'", element)
    return Bound(f"(CASE WHEN {index.sql} < 1 OR {index.sql} > len({value.sql}) THEN {outside} ELSE {value.sql}[{index.sql}] END)", element)


def _element_at(call: Call) -> Bound:
    call.need(2)
    value = call.arg(0)
    if value.type.kind is Kind.MAP:
        key = coerce(call.arg(1), value.type.parts[0], node=call.node)
        return Bound(f"{value.sql}[{key.sql}]", value.type.parts[1])
    value, index = array_argument(call), call.typed(1, BIGINT)
    element = value.type.parts[0]
    if index.number == 0:
        raise invalid("SQL array indices start at 1", call.node)
    if index.number is not None:
        return Bound(f"{value.sql}[{index.number}]", element)
    zero = failure("'SQL array indices start at 1'", element)
    return Bound(f"(CASE WHEN {index.sql} = 0 THEN {zero} ELSE {value.sql}[{index.sql}] END)", element)


def _slice(call: Call) -> Bound:
    call.need(3)
    values, start, size = array_argument(call), call.typed(1, BIGINT), call.typed(2, BIGINT)
    if start.number is not None and size.number is not None and start.number >= 1 and size.number >= 0:
        return Bound(f"list_slice({values.sql}, {start.number}, {start.number + size.number - 1})", values.type)
    wrong = failure("'slice counts from 1 and takes no negative length'", values.type)
    first = f"(CASE WHEN {start.sql} > 0 THEN {start.sql} ELSE len({values.sql}) + {start.sql} + 1 END)"
    part = f"CASE WHEN {first} < 1 THEN [] ELSE list_slice({values.sql}, {first}, {first} + {size.sql} - 1) END"
    missing = f"{values.sql} IS NULL OR {start.sql} IS NULL OR {size.sql} IS NULL"
    return Bound(f"(CASE WHEN {missing} THEN NULL WHEN {start.sql} = 0 OR {size.sql} < 0 THEN {wrong} ELSE {part} END)", values.type)


def _trim_array(call: Call) -> Bound:
    call.need(2)
    values, count = array_argument(call), call.typed(1, BIGINT)
    wrong = failure("'trim_array removes no fewer than 0 and no more than all elements'", values.type)
    kept = f"list_slice({values.sql}, 1, len({values.sql}) - {count.sql})"
    return Bound(f"(CASE WHEN {count.sql} < 0 OR {count.sql} > len({values.sql}) THEN {wrong} ELSE {kept} END)", values.type)


def _sort(call: Call) -> Bound:
    if len(call.args) > 1:
        raise unsupported("array_sort with a lambda", call.node)
    values = array_argument(call)
    if values.type.parts[0].parts:
        raise unsupported(f"array_sort of {values.type}", call.node)
    return Bound(f"list_sort({values.sql}, 'ASC', 'NULLS LAST')", values.type)


def _sequence(call: Call) -> Bound:
    call.need(2, 3)
    kinds = {call.arg(i).type.kind for i in range(2)}
    if kinds == {Kind.DATE}:
        return _dates(call)
    if not kinds <= set(INTEGERS):
        raise unsupported(f"sequence of {call.arg(0).type}", call.node)
    start, stop = call.typed(0, BIGINT).sql, call.typed(1, BIGINT).sql
    step = call.typed(2, BIGINT).sql if len(call.args) == 3 else f"(CASE WHEN {start} <= {stop} THEN CAST(1 AS BIGINT) ELSE CAST(-1 AS BIGINT) END)"
    wrong = failure("'sequence takes a step that leads from its start to its end'", array_of(BIGINT))
    long = failure(f"'sequence has more than {_MOST} entries'", array_of(BIGINT))
    return Bound(
        f"(CASE WHEN {start} IS NULL OR {stop} IS NULL OR {step} IS NULL THEN NULL "
        f"WHEN {step} = 0 OR ({stop} > {start} AND {step} < 0) OR ({stop} < {start} AND {step} > 0) THEN {wrong} "
        f"WHEN (CAST({stop} AS HUGEINT) - {start}) // {step} >= {_MOST} THEN {long} ELSE generate_series({start}, {stop}, {step}) END)",
        array_of(BIGINT),
    )


def _dates(call: Call) -> Bound:
    """Each date is the start and a number of steps, so that months keep the day of the first."""
    start, stop = call.arg(0), call.arg(1)
    step = call.arg(2) if len(call.args) == 3 else Bound("", DAYS)
    amount = step.number if len(call.args) == 3 else 86_400_000
    if amount is None or amount == 0 or (step.type == DAYS and amount % 86_400_000) or step.type not in (DAYS, MONTHS):
        raise unsupported("sequence of dates with a step that is not a literal of whole days or months", call.node)
    days = amount // 86_400_000 if step.type == DAYS else amount * 28
    least = f"({stop.sql} - {start.sql}) // {days}"
    item = shift_moment(start, "+", Bound(f"(i * CAST({amount} AS BIGINT))", step.type), call.node) if step.type == MONTHS else None
    written = item.sql if item else f"({start.sql} + CAST(i * {days} AS INTEGER))"
    inside = f"e <= {stop.sql}" if amount > 0 else f"e >= {stop.sql}"
    long = failure(f"'sequence has more than {_MOST} entries'", array_of(DATE))
    wrong = failure("'sequence takes a step that leads from its start to its end'", array_of(DATE))
    made = f"list_filter(list_transform(range({least} + 2), lambda i: {written}), lambda e: {inside})"
    return Bound(
        f"(CASE WHEN {start.sql} IS NULL OR {stop.sql} IS NULL THEN NULL WHEN {least} < 0 THEN {wrong} "
        f"WHEN {least} >= {_MOST} THEN {long} ELSE {made} END)",
        array_of(DATE),
    )


FUNCTIONS: Functions = {
    "$subscript": _subscript,
    "element_at": _element_at,
    "slice": _slice,
    "trim_array": _trim_array,
    "array_sort": _sort,
    "sequence": _sequence,
}
