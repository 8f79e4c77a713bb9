"""Column names as Athena takes them: lower case, `[a-z0-9_]`, no leading digit, at most 255 bytes, unique."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

MAX_NAME_BYTES = 255  # https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html

_WITHOUT_DECOMPOSITION = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ł": "l",
        "ı": "i",
        "ħ": "h",
        "ŋ": "ng",
        "µ": "u",
        "€": "eur",
        "%": "_pct_",
        "№": "no",
    }
)


def column_names(source_names: Sequence[str]) -> list[str]:
    """Return one table column name for each source name, by position; the same list always gives the same names."""
    wanted = [_plain(name) or f"column_{position}" for position, name in enumerate(source_names, start=1)]
    taken: set[str] = set(wanted)
    seen: dict[str, int] = {}
    names = []
    for name in wanted:
        seen[name] = seen.get(name, 0) + 1
        unique = name
        if seen[name] > 1:
            unique, seen[name] = _next_free(name, seen[name], taken)
            taken.add(unique)
        names.append(unique)
    return names


def _plain(name: str) -> str:
    lowered = unicodedata.normalize("NFKD", name.casefold().translate(_WITHOUT_DECOMPOSITION))
    ascii_only = "".join(char for char in lowered if not unicodedata.combining(char))
    words = re.sub(r"[^a-z0-9_]+", "_", ascii_only)
    plain = words if words == ascii_only else re.sub(r"_{2,}", "_", words).strip("_")
    if not plain.strip("_"):
        return ""
    if plain[0].isdigit():
        plain = f"_{plain}"
    return plain[:MAX_NAME_BYTES]


def _next_free(name: str, number: int, taken: set[str]) -> tuple[str, int]:
    while (candidate := f"{name[: MAX_NAME_BYTES - len(str(number)) - 1]}_{number}") in taken:
        number += 1
    return candidate, number
