"""LazySimpleSerDe in DuckDB's SQL: cells end at the delimiter, an escape takes the next character as it is, types are read or NULL.

Each rule is that of Trino's `SimpleDeserializer` and its text encodings ("bug for bug compatible with LazySimpleSerDe").
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from services.shared.catalog.serde import NULL_SEQUENCE
from services.shared.sql.names import text
from services.shared.sql.types import Kind, Type, duckdb_type, parse_athena_type

_DEFAULT_DELIMITER = "\x01"
_INTEGER = r"[+-]?[0-9]*(\.[0-9]*)?"
_PLAIN_FLOATING = r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"
_FLOATING = r"[\x00-\x20]*([+-]?)(?:(NaN|Infinity)|((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[fFdD]?)[\x00-\x20]*"
_DECIMAL = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DATE = r"(\d{1,4})-(\d{1,4})-(\d{1,4})"
_TIMESTAMP = _DATE + r"(?: (\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?)?"
_ISO = r"(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{0,9}))?)?"
_INTEGERS = (Kind.TINYINT, Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT)


def cells(line: str, parameters: Mapping[str, str]) -> str:
    """Return the list of a line's cells as they stand there, escapes and all."""
    delimiter, escape = _delimiter(parameters), parameters.get("escape.delim")
    plain = f"string_split({line}, {text(delimiter)})"
    if not escape:
        return plain
    mark, stop = re.escape(delimiter), re.escape(escape[0])
    escaped = f"regexp_extract_all({text(delimiter)} || {line}, {text(f'(?s){mark}((?:[^{mark}{stop}]|{stop}.?)*)')}, 1)"
    return f"CASE WHEN contains({line}, {text(escape[0])}) THEN {escaped} ELSE {plain} END"


def value(cell: str, type_: str, parameters: Mapping[str, str]) -> str | None:
    """Return a cell's value as its column's type; None for a type that is not read."""
    kind = parse_athena_type(type_)
    present = f"nullif({cell}, {text(parameters.get('serialization.null.format', NULL_SEQUENCE))})"
    if kind is None or (kind.kind is Kind.VARCHAR and "(" in type_):
        return None
    match kind.kind:
        case Kind.VARCHAR:
            return _text(present, parameters.get("escape.delim"))
        case Kind.BOOLEAN:
            return f"CASE lower({present}) WHEN 'true' THEN true WHEN 'false' THEN false END"
        case one if one in _INTEGERS:
            return _integer(present, kind)
        case Kind.DOUBLE | Kind.REAL:
            return _floating(present, kind)
        case Kind.DECIMAL:
            return f"CASE WHEN regexp_full_match({present}, {text(_DECIMAL)}) THEN TRY_CAST({present} AS {duckdb_type(kind)}) END"
        case Kind.DATE:
            return _date(present)
        case Kind.TIMESTAMP:
            return _timestamp(present)
        case _:
            return None


def _delimiter(parameters: Mapping[str, str]) -> str:
    return (parameters.get("field.delim") or parameters.get("serialization.format") or _DEFAULT_DELIMITER)[0]


def _text(present: str, escape: str | None) -> str:
    if not escape:
        return present
    unescaped = f"regexp_replace({present}, {text(f'(?s){re.escape(escape[0])}(.)')}, '\\1', 'g')"
    return f"CASE WHEN contains({present}, {text(escape[0])}) THEN {unescaped} ELSE {present} END"


def _integer(present: str, kind: Type) -> str:
    """Read digits after an optional sign; digits behind a point are let go, and what does not fit is NULL."""
    whole = f"(CASE WHEN starts_with({present}, '-') THEN '-0' ELSE '0' END || regexp_extract({present}, '^[+-]?([0-9]*)', 1))"
    return (
        f"CASE WHEN regexp_full_match({present}, '-?[0-9]{{1,18}}') THEN TRY_CAST({present} AS {duckdb_type(kind)}) "
        f"WHEN {present} NOT IN ('', '+', '-') AND regexp_full_match({present}, {text(_INTEGER)}) THEN TRY_CAST({whole} AS {duckdb_type(kind)}) END"
    )


def _floating(present: str, kind: Type) -> str:
    """Read what Java reads: blanks around, a sign, a letter for the type behind; a number that is too large is infinite."""
    parts = " || ".join(f"regexp_extract({present}, {text(_FLOATING)}, {n})" for n in (1, 2, 3))
    return (
        f"CASE WHEN regexp_full_match({present}, {text(_PLAIN_FLOATING)}) THEN CAST({present} AS {duckdb_type(kind)}) "
        f"WHEN regexp_full_match({present}, {text(_FLOATING)}) THEN CAST({parts} AS {duckdb_type(kind)}) END"
    )


def _date(present: str) -> str:
    """Read year, month and day, each as far as it goes: the 30th of February is the 1st or 2nd of March."""
    shown = f"string_split(trim({present}, {_blanks()}), ' ')[1]"
    return f"CASE WHEN regexp_full_match({shown}, {text(_DATE)}) THEN {_day(shown, _DATE)}::DATE END"


def _timestamp(present: str) -> str:
    """Read as Hive writes it or ISO does, to the millisecond; less than eight characters are NULL."""
    shown = f"trim({present}, {_blanks()})"
    return (
        f"CASE WHEN length({present}) < 8 THEN NULL WHEN regexp_full_match({shown}, {text(_TIMESTAMP)}) THEN {_moment(shown, _TIMESTAMP)} "
        f"WHEN regexp_full_match({shown}, {text(_ISO)}) THEN {_moment(shown, _ISO)} END"
    )


def _day(shown: str, pattern: str) -> str:
    year, month, day = (f"TRY_CAST(regexp_extract({shown}, {text(pattern)}, {n}) AS INTEGER)" for n in (1, 2, 3))
    return f"(make_timestamp({year}, 1, 1, 0, 0, 0.0) + to_months({month} - 1) + to_days({day} - 1))"


def _moment(shown: str, pattern: str) -> str:
    hour, minute, second = (f"coalesce(TRY_CAST(regexp_extract({shown}, {text(pattern)}, {n}) AS INTEGER), 0)" for n in (4, 5, 6))
    nanoseconds = f"CAST(rpad(regexp_extract({shown}, {text(pattern)}, 7), 9, '0') AS BIGINT)"
    milliseconds = f"(({hour} * 60 + {minute}) * 60 + {second}) * 1000 + ({nanoseconds} + 500000) // 1000000"
    return f"({_day(shown, pattern)} + to_milliseconds({milliseconds}))::TIMESTAMP_MS"


def _blanks() -> str:
    return "' ' || chr(9) || chr(10) || chr(13)"
