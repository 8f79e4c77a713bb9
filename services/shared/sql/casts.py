"""CAST and TRY_CAST with Trino's meaning: what a text must look like, how a number is rounded, how a moment is written."""

from __future__ import annotations

from sqlglot import exp

from services.shared.sql.bound import Bound, can_coerce, mismatch, unsupported, widen
from services.shared.sql.json_values import from_json, no_cast, to_json
from services.shared.sql.names import quoted, text
from services.shared.sql.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOATS,
    INTEGER,
    INTEGERS,
    JSON,
    MAX_PRECISION,
    NUMBERS,
    REAL,
    SMALLINT,
    TIMESTAMP,
    TIMESTAMP_TZ,
    TINYINT,
    VARBINARY,
    VARCHAR,
    Kind,
    Type,
    array_of,
    decimal,
    duckdb_type,
    map_of,
)  # fmt: skip
from services.shared.sql.zones import local, zone_of

_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,5})?"
_CLOCK = r"( [0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]{1,3})?)?)?"
_SHAPES = {
    Kind.TINYINT: "[+-]?[0-9]+",
    Kind.SMALLINT: "[+-]?[0-9]+",
    Kind.INTEGER: "[+-]?[0-9]+",
    Kind.BIGINT: "[+-]?[0-9]+",
    Kind.DECIMAL: _NUMBER,
    Kind.REAL: rf"\s*({_NUMBER}|NaN|[+-]?Infinity)\s*",
    Kind.DOUBLE: rf"\s*({_NUMBER}|NaN|[+-]?Infinity)\s*",
    Kind.DATE: r"\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}\s*",
    Kind.TIMESTAMP: rf"\s*[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}{_CLOCK}\s*",
    Kind.BOOLEAN: "(?i)(t|true|1|f|false|0)",
}
_SIMPLE = {
    "BOOLEAN": BOOLEAN, "TINYINT": TINYINT, "SMALLINT": SMALLINT, "INT": INTEGER, "BIGINT": BIGINT, "FLOAT": REAL, "DOUBLE": DOUBLE,
    "VARBINARY": VARBINARY, "DATE": DATE, "TIMESTAMP": TIMESTAMP, "TIMESTAMPTZ": TIMESTAMP_TZ, "VARCHAR": VARCHAR,
    "JSON": JSON,
}  # fmt: skip
_WRITTEN = "'%Y-%m-%d %H:%M:%S.%g'"


def read_type(node: exp.Expr) -> tuple[Type, int | None]:
    """Return the type a CAST names, and the length of a varchar(n)."""
    name = node.this.name if isinstance(node, exp.DataType) and isinstance(node.this, exp.DType) else ""
    parts = node.expressions if isinstance(node, exp.DataType) else []
    sizes = [int(p.name) for p in parts if isinstance(p, exp.DataTypeParam) and p.name.isdigit()]
    if name == "DECIMAL":
        precision, scale = (*sizes, 38, 0)[:2] if not sizes else (sizes[0], sizes[1] if len(sizes) > 1 else 0)
        if not 1 <= precision <= MAX_PRECISION or scale > precision:
            raise mismatch(f"decimal({precision},{scale}) is no type", node)
        return decimal(precision, scale), None
    if name == "ARRAY" and len(parts) == 1:
        return array_of(read_type(parts[0])[0]), None
    if name == "MAP" and len(parts) == 2:
        return map_of(read_type(parts[0])[0], read_type(parts[1])[0]), None
    if name == "STRUCT" and all(isinstance(p, exp.ColumnDef) for p in parts):
        fields = [(p.name.lower(), read_type(p.args["kind"])[0]) for p in parts]
        return Type(Kind.ROW, parts=tuple(t for _, t in fields), names=tuple(n for n, _ in fields)), None
    if name in ("TIMESTAMP", "TIMESTAMPTZ") and sizes not in ([], [3]):
        raise unsupported(f"timestamp({sizes[0]}) (milliseconds are what the tables hold)", node)
    if name == "VARCHAR" and sizes:
        return VARCHAR, sizes[0]
    if name in _SIMPLE and (not sizes or name in ("TIMESTAMP", "TIMESTAMPTZ")):
        return _SIMPLE[name], None
    raise unsupported(f"The type {node.sql(dialect='trino')[:60]}", node)


def cast(value: Bound, target: Type, *, lenient: bool, length: int | None = None, node: exp.Expr | None = None) -> Bound:
    """Cast as Trino does (docs: functions/conversion); lenient is TRY_CAST."""
    done = _cast(value, target, lenient=lenient, node=node)
    return done if length is None else Bound(f"substring({done.sql}, 1, {length})", VARCHAR)


def _cast(value: Bound, target: Type, *, lenient: bool, node: exp.Expr | None) -> Bound:
    source, word = value.type, "TRY_CAST" if lenient else "CAST"
    if source == target:
        return Bound(value.sql, target)
    if source.kind is Kind.UNKNOWN:
        return widen(value, target)
    if target.kind is Kind.JSON:
        return to_json(value, node)
    if source.kind is Kind.JSON:
        return from_json(value, target, lenient=lenient, node=node)
    if source.kind is Kind.VARCHAR:
        return _from_text(value, target, lenient=lenient, node=node)
    if target.kind is Kind.VARCHAR:
        return _to_text(value, node)
    plain = Bound(f"{word}({value.sql} AS {duckdb_type(target)})", target)
    match source.kind, target.kind:
        case (a, b) if a in FLOATS and b in INTEGERS:
            return Bound(f"{word}(round({value.sql}) AS {duckdb_type(target)})", target)
        case (a, Kind.DECIMAL) if a in FLOATS:
            return Bound(f"{word}(CAST({value.sql} AS VARCHAR) AS {duckdb_type(target)})", target)
        case (a, b) if a in NUMBERS and b in NUMBERS:
            return plain
        case (Kind.BOOLEAN, b) if b in NUMBERS:
            return plain
        case (a, Kind.BOOLEAN) if a in NUMBERS:
            return Bound(f"({value.sql} <> 0)", target)
        case (Kind.TIMESTAMP_TZ, Kind.TIMESTAMP_TZ):
            return Bound(value.sql, source)
        case (Kind.TIMESTAMP_TZ, Kind.DATE | Kind.TIMESTAMP):
            return Bound(f"CAST({local(value)} AS {duckdb_type(target)})", target)
        case (Kind.DATE | Kind.TIMESTAMP, Kind.DATE | Kind.TIMESTAMP | Kind.TIMESTAMP_TZ):
            return plain
        case _ if can_coerce(source, target):
            return widen(value, target)
        case (Kind.ARRAY | Kind.MAP | Kind.ROW, b) if b is source.kind and len(source.parts) == len(target.parts):
            return _nested(value, target, lenient=lenient, node=node)
    raise mismatch(f"Cannot cast {source} to {target}", node)


def _nested(value: Bound, target: Type, *, lenient: bool, node: exp.Expr | None) -> Bound:
    """Cast each part; a part that fails under TRY_CAST makes the whole NULL in Trino, which is refused."""
    if lenient:
        raise unsupported(f"try_cast from {value.type} to {target}", node)

    def part(index: int, sql: str) -> str:
        return _cast(Bound(sql, value.type.parts[index]), target.parts[index], lenient=False, node=node).sql

    match target.kind:
        case Kind.ARRAY:
            return Bound(f"list_transform({value.sql}, lambda e: {part(0, 'e')})", target)
        case Kind.MAP:
            keys = f"list_transform(map_keys({value.sql}), lambda e: {part(0, 'e')})"
            values = f"list_transform(map_values({value.sql}), lambda e: {part(1, 'e')})"
            return Bound(f"(CASE WHEN {value.sql} IS NULL THEN NULL ELSE MAP({keys}, {values}) END)", target)
    names = zip(value.type.names, target.names, strict=True)
    fields = (f"{quoted(new)} := {part(i, f'({value.sql}).{quoted(old)}')}" for i, (old, new) in enumerate(names))
    return Bound(f"(CASE WHEN {value.sql} IS NULL THEN NULL ELSE struct_pack({', '.join(fields)}) END)", target)


def _from_text(value: Bound, target: Type, *, lenient: bool, node: exp.Expr | None) -> Bound:
    shape = _SHAPES.get(target.kind)
    if shape is None:
        if target.kind in (Kind.TIMESTAMP_TZ,):
            raise unsupported(f"A cast from varchar to {target}", node)
        raise mismatch(f"Cannot cast varchar to {target}", node)
    held = duckdb_type(target)
    inner = f"trim({value.sql})" if target.kind in (*FLOATS, Kind.DATE, Kind.TIMESTAMP) else value.sql
    if target.kind is Kind.BOOLEAN:
        converted = f"(lower({value.sql}) IN ('t', 'true', '1'))"
    else:
        converted = f"TRY_CAST({inner} AS {held})" if lenient else f"CAST({inner} AS {held})"
    otherwise = "" if lenient else f" ELSE {no_cast(value.sql, target)}"
    guard = f"WHEN {value.sql} IS NULL THEN NULL " if not lenient else ""
    return Bound(f"(CASE {guard}WHEN regexp_full_match({value.sql}, {text(shape)}) THEN {converted}{otherwise} END)", target)


def _to_text(value: Bound, node: exp.Expr | None) -> Bound:
    match value.type.kind:
        case Kind.BOOLEAN | Kind.DECIMAL | Kind.DATE | Kind.TINYINT | Kind.SMALLINT | Kind.INTEGER | Kind.BIGINT:
            return Bound(f"CAST({value.sql} AS VARCHAR)", VARCHAR)
        case Kind.TIMESTAMP:
            return Bound(f"strftime({value.sql}, {_WRITTEN})", VARCHAR)
        case Kind.TIMESTAMP_TZ:
            return zoned_text(value)
        case Kind.DAYS | Kind.MONTHS:
            raise unsupported(f"A cast from {value.type} to varchar", node)
        case _:
            raise unsupported(f"A cast from {value.type} to varchar (cast it to a decimal first)", node)


def zoned_text(value: Bound) -> Bound:
    """Return the text of a timestamp with a zone: its clock's, and the zone's name."""
    return Bound(f"(strftime({local(value)}, {_WRITTEN}) || {text(' ' + zone_of(value.type))})", VARCHAR)
