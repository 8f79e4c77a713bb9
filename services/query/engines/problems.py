"""DuckDB's errors in a user's words: no path, no internal SQL, the offending value where there is one.

What fails while batches are fetched comes through Arrow as an `OSError` with DuckDB's message: so the kind is read from the message.
"""

from __future__ import annotations

import re

from services.shared.catalog.serde import LONGEST_LINE_BYTES
from services.shared.errors import (
    EngineFailed,
    Problem,
    QueryDivisionByZero,
    QueryInvalidValue,
    QueryOutOfMemory,
    QueryOutOfRange,
    SqlInvalid,
    UnsupportedOnEmbedded,
)
from services.shared.sql.bound import NO_VALUE, REFUSED_AT_RUN_TIME
from services.shared.storage.room import disk_full

_VALUES = ("Map keys must be unique.", "Map keys can not be NULL.")
_WHERE = re.compile(r"\s+when casting from source column.*$", re.DOTALL)
_UNGROUPED = re.compile(r'column "([^"]*)" must appear in the GROUP BY')
_NO_MOMENT = re.compile(r'(?:date|timestamp|time) field value out of range: ("[^"]*")')
_UNREADABLE = ("Could not parse", "could not be parsed", "Invalid input for hex digit")
_INTERNAL = re.compile(r"^[a-z]\d+$")


def problem_of(error: Exception) -> Problem:
    """Return the problem for an error of DuckDB."""
    message = str(error)
    first = message.split("\n", 1)[0]
    kind, _, rest = first.partition(" Error: ")
    detail = _WHERE.sub("", rest)
    match kind:
        case "Out of Memory":
            return QueryOutOfMemory("The query needs more memory or spill space than it may use: select fewer columns or rows.")
        case "Out of Range":
            return QueryOutOfRange(detail.split("!")[0].split(". You might")[0] + ".")
        case "Conversion" if no_moment := _NO_MOMENT.search(first):
            return QueryInvalidValue(f"{no_moment[1]} is no date or time.")
        case "Conversion" if "out of range" in first:
            return QueryOutOfRange(detail + ".")
        case "Conversion":
            return QueryInvalidValue(detail + ".")
        case "Invalid Input" if "Division by zero" in first:
            return QueryDivisionByZero("Division by zero.")
        case "Invalid Input" if REFUSED_AT_RUN_TIME in first:
            return UnsupportedOnEmbedded(detail.removeprefix(NO_VALUE) + ".")
        case "Invalid Input" if detail.startswith("CSV Error") or "CSV Parser" in first:
            return UnsupportedOnEmbedded(
                f"A line of a CSV table is not UTF-8, is longer than {LONGEST_LINE_BYTES} bytes, or does not end as the lines before it; "
                "the embedded engine does not read it."
            )
        case "Invalid Input" if detail.startswith(NO_VALUE) or detail in _VALUES or any(words in first for words in _UNREADABLE):
            return QueryInvalidValue(detail.removeprefix(NO_VALUE).removesuffix(".") + ".")
        case "Invalid Input" if "More than one row returned by a subquery" in message:
            return QueryInvalidValue("A subquery used as a value returned more than one row.")
        case "Binder" if found := _UNGROUPED.search(first):
            name = "A column" if _INTERNAL.match(found[1]) else f"The column {found[1]}"
            return SqlInvalid(f"{name} must be in GROUP BY or inside an aggregate.")
        case "Syntax" if "escape character" in first:
            return QueryInvalidValue("A LIKE pattern ends with its escape character.")
        case "IO" if "temp" in message.lower() and ("limit" in message.lower() or "size" in message.lower()):
            return QueryOutOfMemory("The query needs more spill space than it may use: select fewer columns or rows.")
        case "IO" if "No space left on device" in message:
            return disk_full()
        case "IO":
            return EngineFailed("A file of a table could not be read.")
        case _:
            return EngineFailed("The engine could not run this query.")
