"""DuckDB's errors in a user's words: no path, no internal SQL, the offending value where there is one."""

from __future__ import annotations

import re

import duckdb

from services.shared.errors import (
    EngineFailed,
    Problem,
    QueryDivisionByZero,
    QueryInvalidValue,
    QueryOutOfMemory,
    QueryOutOfRange,
    SqlInvalid,
)

_OURS = re.compile(r"^(Cannot cast '|Array subscript|Key not present|regexp_|.* is not supported on the embedded engine)")
_WHERE = re.compile(r"\s+when casting from source column.*$", re.DOTALL)
_UNGROUPED = re.compile(r'column "([^"]*)" must appear in the GROUP BY')
_INTERNAL = re.compile(r"^[a-z]\d+$")


def problem_of(error: Exception) -> Problem:
    """Return the problem for an error of DuckDB."""
    message = str(error)
    first = message.split("\n", 1)[0]
    detail = _WHERE.sub("", re.sub(r"^[A-Za-z ]+ Error: ", "", first))
    match error:
        case duckdb.OutOfMemoryException():
            return QueryOutOfMemory("The query needs more memory or spill space than it may use: select fewer columns or rows.")
        case duckdb.OutOfRangeException():
            return QueryOutOfRange(detail.split("!")[0].split(". You might")[0] + ".")
        case duckdb.ConversionException() if "out of range" in first:
            return QueryOutOfRange(detail + ".")
        case duckdb.ConversionException():
            return QueryInvalidValue(detail + ".")
        case duckdb.InvalidInputException() if "Division by zero" in first:
            return QueryDivisionByZero("Division by zero.")
        case duckdb.InvalidInputException() if _OURS.match(detail):
            return QueryInvalidValue(detail + ".")
        case duckdb.InvalidInputException() if "Could not parse" in first or "could not be parsed" in first:
            return QueryInvalidValue(detail + ".")
        case duckdb.InvalidInputException() if "More than one row returned by a subquery" in message:
            return QueryInvalidValue("A subquery used as a value returned more than one row.")
        case duckdb.BinderException() if found := _UNGROUPED.search(first):
            name = "A column" if _INTERNAL.match(found[1]) else f"The column {found[1]}"
            return SqlInvalid(f"{name} must be in GROUP BY or inside an aggregate.")
        case duckdb.IOException() if "temp" in message.lower() and ("limit" in message.lower() or "size" in message.lower()):
            return QueryOutOfMemory("The query needs more spill space than it may use: select fewer columns or rows.")
        case duckdb.IOException():
            return EngineFailed("A file of a table could not be read.")
        case _:
            return EngineFailed("The engine could not run this query.")
