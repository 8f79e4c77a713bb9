"""OpenCSVSerDe in DuckDB's SQL: quotes are taken off, all cells are text, and other types are read from the text or fail the query.

Lines without quotes and escapes, and lines whose every cell stands in plain quotes, are cut by DuckDB; the others by `cut_line`, which does
what opencsv 2.3 does, oddities included.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.shared.sql.bound import NO_VALUE
from services.shared.sql.names import text
from services.shared.sql.types import Kind, duckdb_type, parse_athena_type

CUT = "headwater_open_csv"
_DAY_MS = 86_400_000


def install(connection: Any) -> None:
    """Make `cut_line` known to DuckDB."""
    connection.create_function(CUT, cut_line, ["VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR"], "VARCHAR[]", side_effects=False)


def cells(line: str, parameters: Mapping[str, str]) -> str:
    """Return the list of a line's cells."""
    separator, quote, escape = (text(one) for one in _marks(parameters))
    between = f"{quote} || {separator} || {quote}"
    inner = f"string_split({line}[2:-2], {between})"
    quotes = f"length({line}) - length(replace({line}, {quote}, ''))"
    return (
        f"CASE WHEN {line} = '' THEN [] "
        f"WHEN contains({line}, {escape}) THEN {CUT}({line}, {separator}, {quote}, {escape}) "
        f"WHEN NOT contains({line}, {quote}) THEN string_split({line}, {separator}) "
        f"WHEN length({line}) > 1 AND starts_with({line}, {quote}) AND ends_with({line}, {quote}) AND {quotes} = 2 * length({inner}) THEN {inner} "
        f"ELSE {CUT}({line}, {separator}, {quote}, {escape}) END"
    )


def value(cell: str, type_: str, parameters: Mapping[str, str]) -> str | None:  # noqa: ARG001 - a SerDe's parameters say nothing of types here
    """Return a cell's value as its column's type, a day or a millisecond number for dates and timestamps; None for a type that is not read."""
    kind = parse_athena_type(type_)
    if kind is None or (kind.kind is Kind.VARCHAR and "(" in type_):
        return None
    match kind.kind:
        case Kind.VARCHAR:
            return cell
        case Kind.BOOLEAN:
            return f"CASE lower({cell}) WHEN 'true' THEN true WHEN 'false' THEN false {_else(cell, 'boolean')} END"
        case Kind.INTEGER | Kind.BIGINT:
            return _number(cell, duckdb_type(kind), "[+-]?[0-9]+", str(kind))
        case Kind.DOUBLE:
            return _number(cell, "DOUBLE", "[+-]?(NaN|Infinity|([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?)", "double")
        case Kind.DATE:
            return f"make_timestamp_ms({_number(cell, 'INTEGER', '[+-]?[0-9]+', 'date (a day number)')}::BIGINT * {_DAY_MS})::DATE"
        case Kind.TIMESTAMP:
            return f"make_timestamp_ms({_number(cell, 'BIGINT', '[+-]?[0-9]+', 'timestamp (milliseconds since 1970)')})::TIMESTAMP_MS"
        case _:
            return None


def cut_line(line: str, separator: str, quote: str, escape: str) -> list[str | None]:
    """Cut a line as opencsv 2.3 does; a last cell whose quote stays open is None."""
    found: list[str | None] = []
    cell: list[str] = []
    in_quotes = in_cell = False
    position, end = 0, len(line)
    while position < end:
        mark = line[position]
        following = line[position + 1] if position + 1 < end else None
        if mark == escape:
            if (in_quotes or in_cell) and following in (quote, escape):
                cell.append(following)
                position += 1
        elif mark == quote:
            if (in_quotes or in_cell) and following == quote:
                cell.append(quote)
                position += 1
            else:
                if position > 2 and line[position - 1] != separator and following not in (None, separator):
                    if cell and "".join(cell).isspace():
                        cell.clear()
                    else:
                        cell.append(quote)
                in_quotes = not in_quotes
            in_cell = not in_cell
        elif mark == separator and not in_quotes:
            found.append("".join(cell))
            cell.clear()
            in_cell = False
        else:
            cell.append(mark)
            in_cell = True
        position += 1
    return [*found, None if in_quotes else "".join(cell)]


def _marks(parameters: Mapping[str, str]) -> tuple[str, str, str]:
    """Return separator, quote and escape; a double quote as the escape means a backslash, as Hive has it."""
    separator, quote, escape = (parameters.get(name, usual)[0] for name, usual in (("separatorChar", ","), ("quoteChar", '"'), ("escapeChar", '"')))
    return separator, quote, "\\" if escape == '"' else escape


def _number(cell: str, kind: str, pattern: str, named: str) -> str:
    read = f"TRY_CAST({cell} AS {kind})"
    return f"CASE WHEN regexp_full_match({cell}, '{pattern}') AND {read} IS NOT NULL THEN {read} {_else(cell, named)} END"


def _else(cell: str, named: str) -> str:
    """Fail at what is no such value, the empty text included; a cell that the line has not is NULL."""
    return f"WHEN {cell} IS NOT NULL THEN error('{NO_VALUE}Cannot cast ''' || {cell} || ''' to {named}')"
