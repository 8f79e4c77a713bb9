"""Values of a result, from their JSON form to Python's types, by their column's type."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from headwater.client.models import ResultColumn

_WHOLE = frozenset({"tinyint", "smallint", "integer", "int", "bigint"})
_BROKEN = frozenset({"double", "real", "float"})


def readers(columns: Sequence[ResultColumn]) -> list[Callable[[Any], Any]]:
    """Return what turns a value of each column into Python's type; NULL is None everywhere."""
    return [_reader(column["type"].lower()) for column in columns]


def _reader(kind: str) -> Callable[[Any], Any]:
    name = kind.partition("(")[0]
    if name in _WHOLE:
        return _known(int)
    if name == "decimal":
        return _known(Decimal)
    if name in _BROKEN:
        return _known(float)
    if name == "date":
        return _known(lambda text: _calendar(dt.date.fromisoformat, text))
    if name.startswith("timestamp"):
        return _known(lambda text: _calendar(dt.datetime.fromisoformat, text))
    return _known(lambda value: value)


def _known(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


def _calendar(read: Callable[[str], Any], text: str) -> Any:
    """Return a date or timestamp; one that Python's calendar does not hold stays text."""
    try:
        return read(text)
    except ValueError:
        return text
