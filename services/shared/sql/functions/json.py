"""JSON functions: a path is a literal of members and places (docs: functions/json)."""

from __future__ import annotations

import re

from services.shared.sql.bound import Bound, coerce, failure, refusal, unsupported
from services.shared.sql.call import Call, Functions
from services.shared.sql.json_values import canonical
from services.shared.sql.names import text
from services.shared.sql.types import BIGINT, BOOLEAN, INTEGERS, JSON, VARCHAR, Kind

_STEP = re.compile(r"""\.([A-Za-z_][A-Za-z0-9_]*)|\["([^"\\\]]*)"\]|\['([^'\\\]]*)'\]|\[(\d{1,9})\]""")
_PLACE = r"\[\d+\]"


def _document(call: Call, index: int = 0) -> Bound:
    """Return a JSON argument; a text that holds no JSON is NULL, one that holds half of it ends the query."""
    value = call.arg(index)
    if value.type.kind is Kind.JSON:
        return value
    sql = coerce(value, VARCHAR, node=call.node).sql
    broken = refusal(f"{call.name} of a text that begins as JSON and does not end as it", JSON)
    return Bound(f"(CASE WHEN json_valid({sql}) THEN CAST({sql} AS JSON) WHEN regexp_matches({sql}, '^\\s*[{{\\[\"0-9tfn-]') "
                 f"AND regexp_matches({sql}, '[{{\\[\"]') THEN {broken} END)", JSON)  # fmt: skip


def _path(call: Call, index: int = 1) -> str:
    """Return a path as DuckDB writes it, as DuckDB text."""
    path = call.text(index, "path").strip()
    written, at = "$", 1
    if not path.startswith("$"):
        raise unsupported(f"{call.name} with the path {path[:40]!r}", call.node)
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            raise unsupported(f"{call.name} with the path {path[:40]!r}", call.node)
        name = next((part for part in step.group(1, 2, 3) if part is not None), None)
        if name == "":
            raise unsupported(f"{call.name} with the path {path[:40]!r}", call.node)
        written += f"[{step[4]}]" if name is None else f'."{name}"'
        at = step.end()
    return text(written)


def _extract(call: Call) -> Bound:
    call.need(2)
    return Bound(f"json_extract({_document(call).sql}, {_path(call)})", JSON)


def _extract_scalar(call: Call) -> Bound:
    """Text without quotes; arrays and objects are NULL. A number with decimals must be written as it is shown, or the query ends."""
    call.need(2)
    document, source = _document(call).sql, call.arg(0)
    found = f"json_extract({document}, {_path(call)})"
    shown = f"json_extract_string({found}, '$')"
    raw = f"CAST({source.sql} AS VARCHAR)"
    escaped = f"regexp_escape({shown})"
    exact = f"regexp_matches({raw}, '(^|[\\s:,\\[])' || {escaped} || '([\\s,\\]}}]|$)') AND NOT regexp_matches({raw}, {escaped} || '0')"
    inexact = refusal(f"{call.name} of a number that is not written in its shortest form", VARCHAR)
    kind = f"json_type({found})"
    return Bound(
        f"(CASE WHEN {kind} IN ('ARRAY', 'OBJECT') THEN NULL WHEN {kind} = 'DOUBLE' AND NOT ({exact}) THEN {inexact} ELSE {shown} END)", VARCHAR
    )


def _parse(call: Call) -> Bound:
    call.need(1)
    sql = call.typed(0, VARCHAR).sql
    wrong = failure(f"{text('JSON cannot be read from ')} || substring({sql}, 1, 100)", JSON)
    return Bound(f"(CASE WHEN {sql} IS NULL THEN NULL WHEN json_valid({sql}) THEN CAST({sql} AS JSON) ELSE {wrong} END)", JSON)


def _format(call: Call) -> Bound:
    call.need(1)
    value = call.arg(0)
    if value.type.kind is not Kind.JSON:
        raise call.mismatch(f"json_format takes json, not {value.type}")
    return Bound(canonical(Bound(f"json({value.sql})", JSON)), VARCHAR)


def _array_length(call: Call) -> Bound:
    call.need(1)
    document = _document(call).sql
    return Bound(f"(CASE WHEN json_type({document}) = 'ARRAY' THEN CAST(json_array_length({document}) AS BIGINT) END)", BIGINT)


def _array_get(call: Call) -> Bound:
    call.need(2)
    place = call.arg(1).number
    if place is None or place < 0:
        raise unsupported("json_array_get with a place that is not a positive literal", call.node)
    return Bound(f"json_extract({_document(call).sql}, '$[{place}]')", JSON)


def _array_contains(call: Call) -> Bound:
    call.need(2)
    document, wanted = _document(call).sql, call.arg(1)
    items = f"json_extract({document}, '$[*]')"
    match wanted.type.kind:
        case Kind.VARCHAR:
            same = f"json_type(e) = 'VARCHAR' AND json_extract_string(e, '$') = {wanted.sql}"
        case kind if kind in INTEGERS:
            same = f"json_type(e) IN ('BIGINT', 'UBIGINT') AND json_extract_string(e, '$') = CAST({wanted.sql} AS VARCHAR)"
        case Kind.BOOLEAN:
            same = f"json_type(e) = 'BOOLEAN' AND (json_extract_string(e, '$') = 'true') = {wanted.sql}"
        case _:
            raise unsupported(f"json_array_contains of {wanted.type}", call.node)
    found = f"len(list_filter({items}, lambda e: {same})) > 0"
    return Bound(f"(CASE WHEN json_type({document}) = 'ARRAY' AND {wanted.sql} IS NOT NULL THEN {found} END)", BOOLEAN)


def _size(call: Call) -> Bound:
    call.need(2)
    found = f"json_extract({_document(call).sql}, {_path(call)})"
    sizes = f"WHEN 'ARRAY' THEN CAST(json_array_length({found}) AS BIGINT) WHEN 'OBJECT' THEN CAST(len(json_keys({found})) AS BIGINT)"
    return Bound(
        f"(CASE json_type({found}) {sizes} WHEN NULL THEN NULL ELSE CASE WHEN {found} IS NULL THEN NULL ELSE CAST(0 AS BIGINT) END END)", BIGINT
    )


def _is_scalar(call: Call) -> Bound:
    call.need(1)
    return Bound(f"(json_type({_document(call).sql}) NOT IN ('ARRAY', 'OBJECT'))", BOOLEAN)


FUNCTIONS: Functions = {
    "json_extract": _extract,
    "json_extract_scalar": _extract_scalar,
    "json_parse": _parse,
    "json_format": _format,
    "json_array_length": _array_length,
    "json_array_get": _array_get,
    "json_array_contains": _array_contains,
    "json_size": _size,
    "is_json_scalar": _is_scalar,
}
