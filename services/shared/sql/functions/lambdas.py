"""Array functions that take a lambda (docs: functions/lambda, functions/array)."""

from __future__ import annotations

from services.shared.sql.bound import Bound, can_coerce, coerce, unsupported, widen
from services.shared.sql.call import Call, Function, Functions
from services.shared.sql.functions.arrays import array_argument
from services.shared.sql.types import BOOLEAN, INTEGERS, UNKNOWN, Kind, array_of, common_type, duckdb_type


def _transform(call: Call) -> Bound:
    call.need(2)
    values = array_argument(call)
    names, body = call.binder.bind_lambda(call.args[1], [values.type.parts[0]])
    return Bound(f"list_transform({values.sql}, lambda {names}: {body.sql})", array_of(body.type))


def _condition(call: Call, values: Bound) -> str:
    names, body = call.binder.bind_lambda(call.args[1], [values.type.parts[0]])
    return f"lambda {names}: {coerce(body, BOOLEAN, node=call.node).sql}"


def _filter(call: Call) -> Bound:
    call.need(2)
    values = array_argument(call)
    return Bound(f"list_filter({values.sql}, {_condition(call, values)})", values.type)


def _match(kind: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(2)
        values = array_argument(call)
        found = f"list_transform({values.sql}, {_condition(call, values)})"
        any_true, any_null = f"list_contains({found}, TRUE)", f"list_contains(list_transform({found}, lambda v: v IS NULL), TRUE)"
        decided = f"list_contains({found}, FALSE)" if kind == "all" else any_true
        yes, no = ("FALSE", "TRUE") if kind in ("all", "none") else ("TRUE", "FALSE")
        return Bound(f"(CASE WHEN {values.sql} IS NULL THEN NULL WHEN {decided} THEN {yes} WHEN {any_null} THEN NULL ELSE {no} END)", BOOLEAN)

    return bind


def _reduce(call: Call) -> Bound:
    """The state has one type; elements are carried in it and taken out again, which loses nothing of those that are allowed."""
    call.need(4)
    values, start = array_argument(call), call.arg(1)
    element, state = values.type.parts[0], start.type
    _, step = call.binder.bind_lambda(call.args[2], [state, element])
    if step.type != state:
        shared = common_type(step.type, state)
        if shared is None or shared == state:
            raise call.mismatch(f"reduce begins with {state} and goes on with {step.type}")
        state = shared
    if element.kind is not Kind.UNKNOWN and element != state and not (element.kind in INTEGERS and can_coerce(element, state)):
        raise unsupported(f"reduce of {values.type} to {state}", call.node)
    held = duckdb_type(state)
    first, second = (call.binder.next_name("x") for _ in range(2))
    taken = Bound(second if element in (state, UNKNOWN) else f"CAST({second} AS {duckdb_type(element)})", element if element != UNKNOWN else state)
    _, step = call.binder.bind_lambda(call.args[2], [Bound(first, state), taken])
    items = f"CAST({values.sql} AS {held}[])"
    reduced = f"list_reduce({items}, lambda {first}, {second}: {coerce(step, state, node=call.node).sql}, {widen(start, state).sql})"
    name = call.binder.next_name("x")
    _, end = call.binder.bind_lambda(call.args[3], [Bound(name, state)])
    done = reduced if end.sql == name else f"list_transform([{reduced}], lambda {name}: {end.sql})[1]"
    return Bound(f"(CASE WHEN {values.sql} IS NULL THEN NULL ELSE {done} END)", end.type)


def _zip_with(call: Call) -> Bound:
    call.need(3)
    first, second = array_argument(call, 0), array_argument(call, 1)
    place = call.binder.next_name("i")
    items = [Bound(f"({side.sql}[{place}])", side.type.parts[0]) for side in (first, second)]
    _, body = call.binder.bind_lambda(call.args[2], items)
    made = f"list_transform(range(1, greatest(len({first.sql}), len({second.sql})) + 1), lambda {place}: {body.sql})"
    return Bound(f"(CASE WHEN {first.sql} IS NULL OR {second.sql} IS NULL THEN NULL ELSE {made} END)", array_of(body.type))


FUNCTIONS: Functions = {
    "transform": _transform,
    "filter": _filter,
    "any_match": _match("any"),
    "all_match": _match("all"),
    "none_match": _match("none"),
    "reduce": _reduce,
    "zip_with": _zip_with,
}
