"""JSON values: held as DuckDB's JSON, cast to and from other types as Trino does (docs: functions/json)."""

from __future__ import annotations

from sqlglot import exp

from services.shared.sql.bound import Bound, failure, mismatch, refusal, unsupported
from services.shared.sql.names import quoted, text
from services.shared.sql.types import FLOATS, INTEGERS, JSON, VARCHAR, Kind, Type, duckdb_type

_WHOLE = "('BIGINT', 'UBIGINT', 'HUGEINT')"


def no_cast(shown: str, target: Type) -> str:
    """Return DuckDB text that fails and shows the text that is no value of the type."""
    return failure(f"{text('Cannot cast ')} || '''' || substring({shown}, 1, 100) || '''' || {text(f' to {target}')}", target)


def to_json(value: Bound, node: exp.Expr | None) -> Bound:
    """Cast to JSON."""
    if value.type.kind is Kind.JSON:
        return value
    if not _has_json(value.type):
        raise unsupported(f"A cast from {value.type} to json", node)
    return Bound(f"to_json({value.sql})", JSON)


def _has_json(kind: Type) -> bool:
    match kind.kind:
        case Kind.BOOLEAN | Kind.VARCHAR | Kind.JSON:
            return True
        case k if k in INTEGERS:
            return True
        case Kind.ARRAY | Kind.ROW:
            return all(map(_has_json, kind.parts))
        case Kind.MAP:
            return kind.parts[0].kind is Kind.VARCHAR and _has_json(kind.parts[1])
    return False


def from_json(value: Bound, target: Type, *, lenient: bool, node: exp.Expr | None) -> Bound:
    """Cast from JSON; a scalar becomes the text or the number it is, an array or an object is taken apart."""
    sql = _read(value.sql, target, node)
    if lenient:
        raise unsupported(f"try_cast from json to {target}", node)
    return Bound(f"(CASE WHEN json_type({value.sql}) IS NULL OR json_type({value.sql}) = 'NULL' THEN NULL ELSE {sql} END)", target)


def _read(sql: str, target: Type, node: exp.Expr | None) -> str:
    kind, shown = f"json_type({sql})", f"CAST({sql} AS VARCHAR)"
    wrong = no_cast(shown, target)
    string = f"json_extract_string({sql}, '$')"
    match target.kind:
        case Kind.VARCHAR:
            inexact = refusal("A cast from a JSON number with decimals to varchar", VARCHAR)
            return f"(CASE WHEN {kind} IN ('ARRAY', 'OBJECT') THEN {wrong} WHEN {kind} = 'DOUBLE' THEN {inexact} ELSE {string} END)"
        case Kind.BOOLEAN:
            return f"(CASE WHEN {kind} = 'BOOLEAN' THEN {string} = 'true' ELSE {wrong} END)"
        case k if k in INTEGERS:
            rounded = refusal("A cast from a JSON number with decimals, or a JSON text, to a whole number", target)
            number = f"CAST({string} AS {duckdb_type(target)})"
            digits = f"{kind} = 'VARCHAR' AND NOT regexp_full_match({string}, '[+-]?[0-9]+')"
            unlike = f"WHEN {digits} THEN {wrong} WHEN {kind} IN ('DOUBLE', 'VARCHAR') THEN {rounded}"
            return f"(CASE WHEN {kind} IN {_WHOLE} THEN {number} {unlike} ELSE {wrong} END)"
        case k if k in FLOATS:
            return f"(CASE WHEN {kind} IN {_WHOLE} OR {kind} = 'DOUBLE' THEN CAST({string} AS {duckdb_type(target)}) ELSE {wrong} END)"
        case Kind.JSON:
            return sql
        case Kind.ARRAY:
            inner = _part("e", target.parts[0], node)
            items = f"list_transform(json_extract({sql}, '$[*]'), lambda e: {inner})"
            return f"(CASE WHEN {kind} = 'ARRAY' THEN {items} ELSE {wrong} END)"
        case Kind.MAP if target.parts[0].kind is Kind.VARCHAR:
            inner = _part("e", target.parts[1], node)
            values = f"list_transform(json_extract({sql}, '$.*'), lambda e: {inner})"
            return f"(CASE WHEN {kind} = 'OBJECT' THEN MAP(json_keys({sql}), {values}) ELSE {wrong} END)"
        case Kind.ROW:
            by_name, by_place = _row(sql, target, node), _row(sql, target, node, by_place=True)
            return f"(CASE WHEN {kind} = 'OBJECT' THEN {by_name} WHEN {kind} = 'ARRAY' THEN {by_place} ELSE {wrong} END)"
    if target.kind in (Kind.DATE, Kind.TIMESTAMP, Kind.DECIMAL, Kind.MAP):
        raise unsupported(f"A cast from json to {target}", node)
    raise mismatch(f"Cannot cast json to {target}", node)


def _row(sql: str, target: Type, node: exp.Expr | None, *, by_place: bool = False) -> str:
    fields = []
    for place, (name, part) in enumerate(zip(target.names, target.parts, strict=True)):
        if not name.replace("_", "a").isalnum():
            raise unsupported(f"A cast from json to a row with the field {name}", node)
        path = f"$[{place}]" if by_place else f'$."{name}"'
        fields.append(f"{quoted(name)} := {_part(f'json_extract({sql}, {text(path)})', part, node)}")
    return f"struct_pack({', '.join(fields)})"


def _part(sql: str, kind: Type, node: exp.Expr | None) -> str:
    return from_json(Bound(sql, JSON), kind, lenient=False, node=node).sql


def canonical(value: Bound) -> str:
    """Return the text of a JSON value; Trino sorts the keys of objects, so one whose keys are not sorted ends the query."""
    in_order = "bool_and(list_sort(json_keys(n.value)) = json_keys(n.value))"
    nodes = f"(SELECT {in_order} FROM json_tree({value.sql}) AS n WHERE n.type = 'OBJECT')"  # noqa: S608 - built from bound parts
    unsorted = refusal("The text of a JSON object whose keys are not in order", VARCHAR)
    shown = f"CAST({value.sql} AS VARCHAR)"
    return f"(CASE WHEN NOT contains({shown}, '{{') OR coalesce({nodes}, TRUE) THEN {shown} ELSE {unsorted} END)"
