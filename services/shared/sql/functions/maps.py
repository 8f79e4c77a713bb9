"""Maps and rows (docs: functions/map, language/types)."""

from __future__ import annotations

from services.shared.sql.bound import Bound, coerce, unsupported
from services.shared.sql.call import Call, Function, Functions
from services.shared.sql.names import quoted
from services.shared.sql.types import BOOLEAN, UNKNOWN, Kind, Type, array_of, common_type, map_of


def _map_argument(call: Call, index: int = 0) -> Bound:
    value = call.arg(index)
    if value.type.kind is not Kind.MAP:
        raise call.mismatch(f"{call.name} takes a map, not {value.type}")
    return value


def pair_type(key: Type, value: Type) -> Type:
    """Return the type of an entry, as of every row without names."""
    return Type(Kind.ROW, parts=(key, value), names=("field0", "field1"))


def _map(call: Call) -> Bound:
    if not call.args:
        return Bound("MAP([]::VARCHAR[], []::VARCHAR[])", map_of(UNKNOWN, UNKNOWN))
    call.need(2)
    keys, values = call.arg(0), call.arg(1)
    if Kind.ARRAY not in (keys.type.kind, values.type.kind) or keys.type.kind is not values.type.kind:
        raise call.mismatch(f"map takes two arrays, not {keys.type} and {values.type}")
    return Bound(f"MAP({keys.sql}, {values.sql})", map_of(keys.type.parts[0], values.type.parts[0]))


def _side(function: str, index: int) -> Function:
    def bind(call: Call) -> Bound:
        call.need(1)
        value = _map_argument(call)
        return Bound(f"{function}({value.sql})", array_of(value.type.parts[index]))

    return bind


def _concat(call: Call) -> Bound:
    """The last map that has a key gives its value."""
    call.need(2, 100)
    values = [_map_argument(call, i) for i in range(len(call.args))]
    if len({value.type for value in values}) != 1:
        raise unsupported("map_concat of maps of different types", call.node)
    missing = " OR ".join(f"{value.sql} IS NULL" for value in values)
    return Bound(f"(CASE WHEN {missing} THEN NULL ELSE map_concat({', '.join(v.sql for v in values)}) END)", values[0].type)


def _entries(call: Call) -> Bound:
    call.need(1)
    value = _map_argument(call)
    kind = array_of(pair_type(*value.type.parts))
    return Bound(f"list_transform(map_entries({value.sql}), lambda e: struct_pack(field0 := e.key, field1 := e.value))", kind)


def _entry_argument(call: Call) -> tuple[Bound, Type, Type, str, str]:
    value = call.arg(0)
    inner = value.type.parts[0] if value.type.kind is Kind.ARRAY else UNKNOWN
    if inner.kind is not Kind.ROW or len(inner.parts) != 2:
        raise call.mismatch(f"{call.name} takes an array of rows of two, not {value.type}")
    key, item = (quoted(name) for name in inner.names)
    return value, inner.parts[0], inner.parts[1], key, item


def _from_entries(call: Call) -> Bound:
    call.need(1)
    value, key_type, item_type, key, item = _entry_argument(call)
    sides = f"list_transform({value.sql}, lambda e: e.{key}), list_transform({value.sql}, lambda e: e.{item})"
    return Bound(f"(CASE WHEN {value.sql} IS NULL THEN NULL ELSE MAP({sides}) END)", map_of(key_type, item_type))


def multimap(entries: str, key: str, item: str) -> str:
    """Return a map from each key of a list of structs to the list of its values, in the order of the first of each."""
    keys = f"list_transform({entries}, lambda e: e.{key})"
    first = f"list_filter({keys}, lambda k, i: list_position({keys}, k) = i)"
    gathered = f"list_transform({first}, lambda k: list_transform(list_filter({entries}, lambda e: e.{key} = k), lambda e: e.{item}))"
    return f"(CASE WHEN {entries} IS NULL THEN NULL ELSE MAP({first}, {gathered}) END)"


def _multimap_from_entries(call: Call) -> Bound:
    call.need(1)
    value, key_type, item_type, key, item = _entry_argument(call)
    return Bound(multimap(value.sql, key, item), map_of(key_type, array_of(item_type)))


def _filter(call: Call) -> Bound:
    call.need(2)
    value = _map_argument(call)
    key, item = value.type.parts
    e = call.binder.next_name("x")
    _, body = call.binder.bind_lambda(call.args[1], [Bound(f"{e}.key", key), Bound(f"{e}.value", item)])
    kept = f"list_filter(map_entries({value.sql}), lambda {e}: {coerce(body, BOOLEAN, node=call.node).sql})"
    return Bound(_of(value.sql, f"list_transform({kept}, lambda e: e.key)", f"list_transform({kept}, lambda e: e.value)"), value.type)


def _of(source: str, keys: str, values: str) -> str:
    return f"(CASE WHEN {source} IS NULL THEN NULL ELSE MAP({keys}, {values}) END)"


def _transform_side(side: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(2)
        value = _map_argument(call)
        key, item = value.type.parts
        e = call.binder.next_name("x")
        _, body = call.binder.bind_lambda(call.args[1], [Bound(f"{e}.key", key), Bound(f"{e}.value", item)])
        made = f"list_transform(map_entries({value.sql}), lambda {e}: {body.sql})"
        if side == "keys":
            return Bound(_of(value.sql, made, f"map_values({value.sql})"), map_of(body.type, item))
        return Bound(_of(value.sql, f"map_keys({value.sql})", made), map_of(key, body.type))

    return bind


def _zip_with(call: Call) -> Bound:
    call.need(3)
    first, second = _map_argument(call, 0), _map_argument(call, 1)
    key = common_type(first.type.parts[0], second.type.parts[0])
    if key is None or key != first.type.parts[0] or key != second.type.parts[0]:
        raise unsupported("map_zip_with of maps with different keys", call.node)
    keys = f"(map_keys({first.sql}) || list_filter(map_keys({second.sql}), lambda k: NOT map_contains({first.sql}, k)))"
    k = call.binder.next_name("x")
    items = [Bound(f"({side.sql}[{k}])", side.type.parts[1]) for side in (first, second)]
    _, body = call.binder.bind_lambda(call.args[2], [Bound(k, key), *items])
    made = f"MAP({keys}, list_transform({keys}, lambda {k}: {body.sql}))"
    return Bound(f"(CASE WHEN {first.sql} IS NULL OR {second.sql} IS NULL THEN NULL ELSE {made} END)", map_of(key, body.type))


def _row(call: Call) -> Bound:
    call.need(1, 100)
    items = [call.arg(i) for i in range(len(call.args))]
    names = tuple(f"field{i}" for i in range(len(items)))
    fields = ", ".join(f'"{n}" := {i.sql}' for n, i in zip(names, items, strict=True))
    return Bound(f"struct_pack({fields})", Type(Kind.ROW, parts=tuple(i.type for i in items), names=names))


FUNCTIONS: Functions = {
    "map": _map,
    "map_keys": _side("map_keys", 0),
    "map_values": _side("map_values", 1),
    "map_concat": _concat,
    "map_entries": _entries,
    "map_from_entries": _from_entries,
    "multimap_from_entries": _multimap_from_entries,
    "map_filter": _filter,
    "transform_keys": _transform_side("keys"),
    "transform_values": _transform_side("values"),
    "map_zip_with": _zip_with,
    "row": _row,
}
