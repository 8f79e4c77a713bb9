"""Arrays: what they hold, compared and joined (docs: functions/array)."""

from __future__ import annotations

from services.shared.sql.bound import Bound, refusal, unify, unsupported, widen
from services.shared.sql.call import Call, Function, Functions
from services.shared.sql.types import BIGINT, BOOLEAN, FLOATS, VARCHAR, Kind, Type, array_of, common_type


def array_argument(call: Call, index: int = 0) -> Bound:
    """Return an argument that must be an array."""
    bound = call.arg(index)
    if bound.type.kind is not Kind.ARRAY:
        raise call.mismatch(f"{call.name} takes an array, not {bound.type}")
    return bound


def _element(bound: Bound) -> Type:
    return bound.type.parts[0]


def _cardinality(call: Call) -> Bound:
    call.need(1)
    value = call.arg(0)
    if value.type.kind is Kind.MAP:
        return Bound(f"CAST(cardinality({value.sql}) AS BIGINT)", BIGINT)
    return Bound(f"len({array_argument(call).sql})", BIGINT)


def _contains(call: Call) -> Bound:
    call.need(2)
    values = array_argument(call)
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
    values, mark = array_argument(call), call.typed(1, VARCHAR)
    if _element(values).kind not in (Kind.VARCHAR, Kind.BIGINT, Kind.INTEGER, Kind.DATE, Kind.BOOLEAN):
        raise unsupported(f"array_join of {values.type}", call.node)
    texts = f"list_transform({values.sql}, lambda v: CAST(v AS VARCHAR))"
    if len(call.args) == 3:
        texts = f"list_transform({texts}, lambda v: coalesce(v, {call.typed(2, VARCHAR).sql}))"
    return Bound(f"array_to_string({texts}, {mark.sql})", VARCHAR)


def _extreme(function: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(1)
        values = array_argument(call)
        if _element(values).parts or _element(values).kind in FLOATS:
            raise unsupported(f"{call.name} of {values.type}", call.node)
        missing = f"list_contains(list_transform({values.sql}, lambda v: v IS NULL), TRUE)"
        return Bound(f"(CASE WHEN {missing} THEN NULL ELSE {function}({values.sql}) END)", _element(values))

    return bind


def _distinct(values: str) -> str:
    return f"list_filter({values}, lambda x, i: list_position({values}, x) = i)"


def _array_distinct(call: Call) -> Bound:
    call.need(1)
    values = array_argument(call)
    return Bound(_distinct(values.sql), values.type)


def _two(call: Call) -> tuple[Bound, Bound, Type]:
    call.need(2)
    return unify(array_argument(call, 0), array_argument(call, 1), what=call.name, node=call.node)


def _has(values: str, item: str) -> str:
    return f"coalesce(list_position({values}, {item}), 0) > 0"


def _intersect(call: Call) -> Bound:
    """The order is that of the shorter array, as in Trino's implementation."""
    left, right, kind = _two(call)
    shorter = f"len({left.sql}) < len({right.sql})"
    sides = [_distinct(f"list_filter({a.sql}, lambda e: {_has(b.sql, 'e')})") for a, b in ((left, right), (right, left))]
    return Bound(f"(CASE WHEN {left.sql} IS NULL OR {right.sql} IS NULL THEN NULL WHEN {shorter} THEN {sides[0]} ELSE {sides[1]} END)", kind)


def _union(call: Call) -> Bound:
    left, right, kind = _two(call)
    return Bound(_distinct(f"({left.sql} || {right.sql})"), kind)


def _except(call: Call) -> Bound:
    left, right, kind = _two(call)
    kept = f"list_filter({left.sql}, lambda e: NOT {_has(right.sql, 'e')})"
    return Bound(f"(CASE WHEN {right.sql} IS NULL THEN NULL ELSE {_distinct(kept)} END)", kind)


def _remove(call: Call) -> Bound:
    call.need(2)
    values, item, shared = _with_item(call)
    if shared.parts or shared.kind in FLOATS:
        raise unsupported(f"array_remove of {values.type}", call.node)
    kept = f"list_filter({values.sql}, lambda e: e IS NULL OR e <> {item.sql})"
    return Bound(f"(CASE WHEN {item.sql} IS NULL THEN NULL ELSE {kept} END)", array_of(shared))


def _with_item(call: Call) -> tuple[Bound, Bound, Type]:
    values, item = array_argument(call), call.arg(1)
    shared = common_type(_element(values), item.type)
    if shared is None:
        raise call.mismatch(f"{call.name} does not take {values.type} and {item.type}")
    return widen(values, array_of(shared)), widen(item, shared), shared


def _overlap(call: Call) -> Bound:
    left, right, kind = _two(call)
    if kind.parts[0].parts or kind.parts[0].kind in FLOATS:
        raise unsupported(f"arrays_overlap of {kind}", call.node)
    missing = " OR ".join(f"list_contains(list_transform({side.sql}, lambda v: v IS NULL), TRUE)" for side in (left, right))
    unsure = f"len({left.sql}) > 0 AND len({right.sql}) > 0 AND ({missing})"
    return Bound(
        f"(CASE WHEN {left.sql} IS NULL OR {right.sql} IS NULL THEN NULL "
        f"WHEN list_has_any({left.sql}, {right.sql}) THEN TRUE WHEN {unsure} THEN NULL ELSE FALSE END)",
        BOOLEAN,
    )


def _contains_sequence(call: Call) -> Bound:
    left, right, kind = _two(call)
    if kind.parts[0].parts or kind.parts[0].kind in FLOATS:
        raise unsupported(f"contains_sequence of {kind}", call.node)
    missing = " OR ".join(f"list_contains(list_transform({side.sql}, lambda v: v IS NULL), TRUE)" for side in (left, right))
    starts = f"range(1, len({left.sql}) - len({right.sql}) + 2)"
    parts = f"list_transform({starts}, lambda i: list_slice({left.sql}, i, i + len({right.sql}) - 1) = {right.sql})"
    unknown = refusal("contains_sequence of arrays with NULL", BOOLEAN)
    return Bound(
        f"(CASE WHEN {left.sql} IS NULL OR {right.sql} IS NULL THEN NULL WHEN {missing} THEN {unknown} ELSE list_contains({parts}, TRUE) END)",
        BOOLEAN,
    )


def _flatten(call: Call) -> Bound:
    call.need(1)
    values = array_argument(call)
    if _element(values).kind is not Kind.ARRAY:
        raise call.mismatch(f"flatten takes an array of arrays, not {values.type}")
    return Bound(f"flatten({values.sql})", _element(values))


def _ngrams(call: Call) -> Bound:
    call.need(2)
    values, size = array_argument(call), call.arg(1).number
    if size is None or size < 1:
        raise unsupported("ngrams with a size that is not a positive literal", call.node)
    starts = f"range(1, greatest(len({values.sql}) - {size} + 2, 2))"
    made = f"list_transform({starts}, lambda i: list_slice({values.sql}, i, i + {size - 1}))"
    return Bound(f"(CASE WHEN {values.sql} IS NULL THEN NULL ELSE {made} END)", array_of(values.type))


def _repeat(call: Call) -> Bound:
    call.need(2)
    value, count = call.arg(0), call.arg(1).number
    if count is None or not 0 <= count <= 10_000:
        raise unsupported("repeat with a number that is not a literal up to 10,000", call.node)
    return Bound(f"list_transform(range({count}), lambda v: {value.sql})", array_of(value.type))


def _position(call: Call) -> Bound:
    call.need(2)
    values, item, shared = _with_item(call)
    if shared.parts or shared.kind in FLOATS:
        raise unsupported(f"array_position of {values.type}", call.node)
    found = f"CAST(coalesce(list_position({values.sql}, {item.sql}), 0) AS BIGINT)"
    return Bound(f"(CASE WHEN {values.sql} IS NULL OR {item.sql} IS NULL THEN NULL ELSE {found} END)", BIGINT)


def _zip(call: Call) -> Bound:
    call.need(2, 5)
    sides = [array_argument(call, i) for i in range(len(call.args))]
    names = tuple(f"field{i}" for i in range(len(sides)))
    fields = ", ".join(f"{name} := {side.sql}[i]" for name, side in zip(names, sides, strict=True))
    longest = ", ".join(f"len({side.sql})" for side in sides)
    missing = " OR ".join(f"{side.sql} IS NULL" for side in sides)
    made = f"list_transform(range(1, greatest({longest}) + 1), lambda i: struct_pack({fields}))"
    kind = Type(Kind.ROW, parts=tuple(map(_element, sides)), names=names)
    return Bound(f"(CASE WHEN {missing} THEN NULL ELSE {made} END)", array_of(kind))


def reversed_array(values: Bound) -> Bound:
    """Return an array from its end to its start."""
    return Bound(f"list_reverse({values.sql})", values.type)


FUNCTIONS: Functions = {
    "cardinality": _cardinality,
    "contains": _contains,
    "contains_sequence": _contains_sequence,
    "array_distinct": _array_distinct,
    "array_intersect": _intersect,
    "array_union": _union,
    "array_except": _except,
    "array_remove": _remove,
    "arrays_overlap": _overlap,
    "array_join": _array_join,
    "array_max": _extreme("list_max"),
    "array_min": _extreme("list_min"),
    "array_position": _position,
    "flatten": _flatten,
    "ngrams": _ngrams,
    "repeat": _repeat,
    "zip": _zip,
}
