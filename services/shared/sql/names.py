"""How names and texts are written in the SQL that DuckDB runs."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def quoted(name: str) -> str:
    """Return an identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Return a string literal."""
    return "'" + value.replace("'", "''") + "'"


def near_miss(name: str, known: Iterable[str]) -> str:
    """Return ` Did you mean …?` for a name that looks like a known one, else nothing."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f" Did you mean {close[0]}?" if close else ""
