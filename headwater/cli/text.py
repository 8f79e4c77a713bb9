"""Words and figures for people: sizes, counts, values of cells that a terminal can't be fooled with."""

from __future__ import annotations

import re
from typing import Any

from rich.text import Text

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) *([kmgt]?i?)b?", re.IGNORECASE)


def cell(value: Any, *, width: int) -> Text:
    """Return a value as it may stand in a table: one line, no control characters, cut where it is too wide; NULL is not the text `NULL`."""
    if value is None:
        return Text("NULL", style="dim italic")
    shown = '"NULL"' if value == "NULL" else clean(str(value).lower() if isinstance(value, bool) else str(value))
    return Text(shown if len(shown) <= width else shown[: width - 1] + "…")


def clean(text: str) -> str:
    """Return text with everything that a terminal would act on, or would hide, written out."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode() for one in text)


def count(number: int | None, noun: str) -> str:
    """Return `1 row`, `1,204 rows`."""
    if number is None:
        return f"? {noun}s"
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(number: int | float | None) -> str:
    """Return a number of bytes with three digits or so."""
    if number is None:
        return "?"
    for unit, one in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= one:
            return f"{number / one:.1f} {unit}"
    return f"{number:.0f} B"


def duration(milliseconds: int | float | None) -> str:
    """Return a time as a person says it."""
    if milliseconds is None:
        return "?"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


def parse_size(text: str) -> int:
    """Read `500000`, `10GB`, `1.5 GiB`; raise ValueError for what is no size."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size; one looks like 500000, 10GB or 1.5GiB")
    return int(float(match[1]) * _UNITS[match[2].lower()])
