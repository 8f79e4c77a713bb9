"""Aggregates that collect: arrays, texts, maps (docs: functions/aggregate)."""

from __future__ import annotations

from services.shared.sql.bound import Bound, coerce, unsupported
from services.shared.sql.call import Call, Function, Functions
from services.shared.sql.functions.maps import multimap
from services.shared.sql.types import BIGINT, FLOATS, VARCHAR, Kind, array_of, map_of


def _array_agg(call: Call) -> Bound:
    call.need(1)
    value = call.arg(0)
    return Bound(call.aggregate("array_agg", value.sql), array_of(value.type))


def _listagg(call: Call) -> Bound:
    """The order stands in WITHIN GROUP; texts that are NULL are left out, no texts at all are NULL."""
    call.need(1, 2)
    if not call.clauses.order:
        raise call.mismatch("listagg needs WITHIN GROUP (ORDER BY …)")
    mark = call.typed(1, VARCHAR).sql if len(call.args) == 2 else "''"
    return Bound(call.aggregate("string_agg", call.typed(0, VARCHAR).sql, mark), VARCHAR)


def _entries(call: Call) -> tuple[str, Bound, Bound]:
    call.need(2)
    key, value = call.arg(0), call.arg(1)
    if key.type.parts or key.type.kind in FLOATS:
        raise unsupported(f"{call.name} with keys of {key.type}", call.node)
    if call.clauses.over:
        raise unsupported(f"{call.name} as a window function", call.node)
    return call.aggregate("array_agg", f"struct_pack(k := {key.sql}, v := {value.sql})", where=f"{key.sql} IS NOT NULL"), key, value


def _map_agg(call: Call) -> Bound:
    """Of the values of one key the first that is met stays."""
    entries, key, value = _entries(call)
    keys = "list_transform(l, lambda e: e.k)"
    distinct = f"list_filter(l, lambda e, i: list_position({keys}, e.k) = i)"
    kept = f"CASE WHEN list_unique({keys}) = len(l) THEN l ELSE {distinct} END"
    made = f"list_transform([{entries}], lambda l: CASE WHEN l IS NOT NULL THEN map_from_entries({kept}) END)[1]"
    return Bound(made, map_of(key.type, value.type))


def _multimap_agg(call: Call) -> Bound:
    entries, key, value = _entries(call)
    return Bound(f"list_transform([{entries}], lambda l: {multimap('l', 'k', 'v')})[1]", map_of(key.type, array_of(value.type)))


def _map_union(call: Call) -> Bound:
    call.need(1)
    value = call.arg(0)
    if value.type.kind is not Kind.MAP:
        raise call.mismatch(f"map_union takes a map, not {value.type}")
    maps = call.aggregate("array_agg", value.sql, where=f"{value.sql} IS NOT NULL")
    return Bound(f"list_reduce({maps}, lambda a, b: map_concat(a, b))", value.type)


def _histogram(call: Call) -> Bound:
    call.need(1)
    value = call.arg(0)
    if value.type.parts or value.type.kind in FLOATS:
        raise unsupported(f"histogram of {value.type}", call.node)
    found = call.aggregate("histogram", value.sql)
    counts = "list_transform(map_values(h), lambda c: CAST(c AS BIGINT))"
    return Bound(f"list_transform([{found}], lambda h: CASE WHEN h IS NOT NULL THEN MAP(map_keys(h), {counts}) END)[1]", map_of(value.type, BIGINT))


def most(call: Call, *, descending: bool) -> Bound:
    """Return the first n values: `max(x, n)`, `max_by(x, y, n)`."""
    value, key = call.arg(0), call.arg(len(call.args) - 2)
    count = call.arg(len(call.args) - 1).number
    if count is None or not 1 <= count <= 10_000 or key.type.parts or call.clauses.over or call.clauses.order or call.clauses.distinct:
        raise unsupported(f"{call.name} of the n first values in this form", call.node)
    order = f" ORDER BY {key.sql} {'DESC' if descending else 'ASC'}"
    listed = call.aggregate("array_agg", value.sql + order, where=f"{key.sql} IS NOT NULL")
    return Bound(f"list_slice({listed}, 1, {count})", array_of(value.type))


def _bits(function: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(1)
        return Bound(call.aggregate(function, coerce(call.arg(0), BIGINT, node=call.node).sql), BIGINT)

    return bind


FUNCTIONS: Functions = {
    "array_agg": _array_agg,
    "listagg": _listagg,
    "map_agg": _map_agg,
    "multimap_agg": _multimap_agg,
    "map_union": _map_union,
    "histogram": _histogram,
    "bitwise_and_agg": _bits("bit_and"),
    "bitwise_or_agg": _bits("bit_or"),
    "bitwise_xor_agg": _bits("bit_xor"),
}
