"""Arrays, maps and lambdas; subscripts beyond the end are errors, element_at gives NULL (docs: functions/array, map, lambda)."""

from __future__ import annotations

from services.shared.sql.bound import Bound, coerce, invalid, unify, unsupported, widen
from services.shared.sql.call import Call, Function, Functions
from services.shared.sql.types import BIGINT, BOOLEAN, FLOATS, UNKNOWN, VARCHAR, Kind, Type, array_of, common_type, duckdb_type, map_of


def _array(call: Call, index: int = 0) -> Bound:
    bound = call.arg(index)
    if bound.type.kind is not Kind.ARRAY:
        raise call.mismatch(f"{call.name} takes an array, not {bound.type}")
    return bound


def _element(bound: Bound) -> Type:
    return bound.type.parts[0]


def _subscript(call: Call) -> Bound:
    value = call.arg(0)
    if value.type.kind is Kind.MAP:
        key = coerce(call.arg(1), value.type.parts[0], node=call.node)
        missing = f"CAST(error('Key not present in map') AS {duckdb_type(value.type.parts[1])})"
        return Bound(
            f"(CASE WHEN {value.sql} IS NULL OR map_contains({value.sql}, {key.sql}) THEN {value.sql}[{key.sql}] ELSE {missing} END)",
            value.type.parts[1],
        )
    if value.type.kind is not Kind.ARRAY:
        raise call.mismatch(f"{value.type} has no subscripts")
    index = call.typed(1, BIGINT)
    outside = f"CAST(error('Array subscript out of bounds') AS {duckdb_type(_element(value))})"
    return Bound(f"(CASE WHEN {index.sql} < 1 OR {index.sql} > len({value.sql}) THEN {outside} ELSE {value.sql}[{index.sql}] END)", _element(value))


def _element_at(call: Call) -> Bound:
    call.need(2)
    value = call.arg(0)
    if value.type.kind is Kind.MAP:
        key = coerce(call.arg(1), value.type.parts[0], node=call.node)
        return Bound(f"{value.sql}[{key.sql}]", value.type.parts[1])
    value, index = _array(call), call.typed(1, BIGINT)
    if index.number is None:
        raise unsupported("element_at with an index that is not a literal", call.node)
    if index.number == 0:
        raise invalid("SQL array indices start at 1", call.node)
    return Bound(f"{value.sql}[{index.number}]", _element(value))


def _cardinality(call: Call) -> Bound:
    call.need(1)
    value = call.arg(0)
    if value.type.kind is Kind.MAP:
        return Bound(f"CAST(cardinality({value.sql}) AS BIGINT)", BIGINT)
    return Bound(f"len({_array(call).sql})", BIGINT)


def _contains(call: Call) -> Bound:
    call.need(2)
    values = _array(call)
    item = call.arg(1)
    shared = common_type(_element(values), item.type)
    if shared is None or shared.parts or shared.kind in FLOATS:
        raise unsupported(f"contains of {values.type} and {item.type}", call.node)
    values, item = widen(values, array_of(shared)), widen(item, shared)
    unsure = f"list_contains(list_transform({values.sql}, lambda v: v IS NULL), TRUE)"
    return Bound(
        f"(CASE WHEN {values.sql} IS NULL OR {item.sql} IS NULL THEN NULL "
        f"WHEN list_contains({values.sql}, {item.sql}) THEN TRUE WHEN {unsure} THEN NULL ELSE FALSE END)",
        BOOLEAN,
    )


def _array_join(call: Call) -> Bound:
    call.need(2, 3)
    values, mark = _array(call), call.typed(1, VARCHAR)
    if _element(values).kind not in (Kind.VARCHAR, Kind.BIGINT, Kind.INTEGER, Kind.DATE, Kind.BOOLEAN):
        raise unsupported(f"array_join of {values.type}", call.node)
    texts = f"list_transform({values.sql}, lambda v: CAST(v AS VARCHAR))"
    if len(call.args) == 3:
        texts = f"list_transform({texts}, lambda v: coalesce(v, {call.typed(2, VARCHAR).sql}))"
    return Bound(f"array_to_string({texts}, {mark.sql})", VARCHAR)


def _sort(call: Call) -> Bound:
    if len(call.args) > 1:
        raise unsupported("array_sort with a lambda", call.node)
    values = _array(call)
    if _element(values).parts:
        raise unsupported(f"array_sort of {values.type}", call.node)
    return Bound(f"list_sort({values.sql}, 'ASC', 'NULLS LAST')", values.type)


def _extreme(function: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(1)
        values = _array(call)
        if _element(values).parts or _element(values).kind in FLOATS:
            raise unsupported(f"{call.name} of {values.type}", call.node)
        missing = f"list_contains(list_transform({values.sql}, lambda v: v IS NULL), TRUE)"
        return Bound(f"(CASE WHEN {missing} THEN NULL ELSE {function}({values.sql}) END)", _element(values))

    return bind


def _slice(call: Call) -> Bound:
    call.need(3)
    values, start, size = _array(call), call.arg(1).number, call.arg(2).number
    if start is None or size is None or start < 1 or size < 0:
        raise unsupported("slice with a start or a length that is not a positive literal", call.node)
    return Bound(f"list_slice({values.sql}, {start}, {start + size - 1})", values.type)


def _sequence(call: Call) -> Bound:
    call.need(2, 3)
    if any(call.arg(i).type.kind is not Kind.BIGINT and call.arg(i).type.kind is not Kind.INTEGER for i in range(len(call.args))):
        raise unsupported("sequence of anything but whole numbers", call.node)
    start, stop = call.typed(0, BIGINT), call.typed(1, BIGINT)
    step = call.arg(2).number if len(call.args) == 3 else 1
    if step is None or step == 0 or (len(call.args) == 2 and (start.number is None or stop.number is None or start.number > stop.number)):
        raise unsupported("sequence with bounds or a step that are not ascending literals", call.node)
    if start.number is not None and stop.number is not None and abs(stop.number - start.number) // abs(step) >= 10_000:
        raise invalid("A sequence has at most 10,000 entries", call.node)
    return Bound(f"generate_series({start.sql}, {stop.sql}, CAST({step} AS BIGINT))", array_of(BIGINT))


def _transform(call: Call) -> Bound:
    call.need(2)
    values = _array(call)
    names, body = call.binder.bind_lambda(call.args[1], [_element(values)])
    return Bound(f"list_transform({values.sql}, lambda {names}: {body.sql})", array_of(body.type))


def _condition(call: Call, values: Bound) -> str:
    names, body = call.binder.bind_lambda(call.args[1], [_element(values)])
    return f"lambda {names}: {coerce(body, BOOLEAN, node=call.node).sql}"


def _filter(call: Call) -> Bound:
    call.need(2)
    values = _array(call)
    return Bound(f"list_filter({values.sql}, {_condition(call, values)})", values.type)


def _match(kind: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(2)
        values = _array(call)
        found = f"list_transform({values.sql}, {_condition(call, values)})"
        any_true, any_null = f"list_contains({found}, TRUE)", f"list_contains(list_transform({found}, lambda v: v IS NULL), TRUE)"
        decided = f"list_contains({found}, FALSE)" if kind == "all" else any_true
        yes, no = ("FALSE", "TRUE") if kind in ("all", "none") else ("TRUE", "FALSE")
        return Bound(f"(CASE WHEN {values.sql} IS NULL THEN NULL WHEN {decided} THEN {yes} WHEN {any_null} THEN NULL ELSE {no} END)", BOOLEAN)

    return bind


def _map(call: Call) -> Bound:
    if not call.args:
        return Bound("MAP([]::VARCHAR[], []::VARCHAR[])", map_of(UNKNOWN, UNKNOWN))
    call.need(2)
    keys, values = _array(call, 0), _array(call, 1)
    return Bound(f"MAP({keys.sql}, {values.sql})", map_of(_element(keys), _element(values)))


def _map_side(function: str, index: int) -> Function:
    def bind(call: Call) -> Bound:
        call.need(1)
        value = call.arg(0)
        if value.type.kind is not Kind.MAP:
            raise call.mismatch(f"{call.name} takes a map, not {value.type}")
        return Bound(f"{function}({value.sql})", array_of(value.type.parts[index]))

    return bind


def _row(call: Call) -> Bound:
    call.need(1, 100)
    items = [call.arg(i) for i in range(len(call.args))]
    names = tuple(f"field{i}" for i in range(len(items)))
    fields = ", ".join(f'"{n}" := {i.sql}' for n, i in zip(names, items, strict=True))
    return Bound(f"struct_pack({fields})", Type(Kind.ROW, parts=tuple(i.type for i in items), names=names))


def _repeat(call: Call) -> Bound:
    call.need(2)
    value, count = call.arg(0), call.arg(1).number
    if count is None or not 0 <= count <= 10_000:
        raise unsupported("repeat with a number that is not a literal up to 10,000", call.node)
    return Bound(f"list_transform(range({count}), lambda v: {value.sql})", array_of(value.type))


def _position(call: Call) -> Bound:
    call.need(2)
    values, item = _array(call), call.arg(1)
    pair = unify(Bound("", _element(values)), item, what="array_position", node=call.node)
    if pair[2].parts or pair[2].kind in FLOATS:
        raise unsupported(f"array_position of {values.type}", call.node)
    found = f"CAST(coalesce(list_position({values.sql}, {pair[1].sql}), 0) AS BIGINT)"
    return Bound(f"(CASE WHEN {values.sql} IS NULL OR {item.sql} IS NULL THEN NULL ELSE {found} END)", BIGINT)


FUNCTIONS: Functions = {
    "$subscript": _subscript,
    "element_at": _element_at,
    "cardinality": _cardinality,
    "contains": _contains,
    "array_join": _array_join,
    "array_sort": _sort,
    "array_max": _extreme("list_max"),
    "array_min": _extreme("list_min"),
    "array_position": _position,
    "slice": _slice,
    "sequence": _sequence,
    "repeat": _repeat,
    "transform": _transform,
    "filter": _filter,
    "any_match": _match("any"),
    "all_match": _match("all"),
    "none_match": _match("none"),
    "map": _map,
    "map_keys": _map_side("map_keys", 0),
    "map_values": _map_side("map_values", 1),
    "row": _row,
}
