"""Names for columns where each must be its own: a result may have two of one name."""

from __future__ import annotations

from collections.abc import Sequence


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names in order, a repeated one with `_2`, `_3` … behind it, skipping what another column is called."""
    taken = set(names)
    seen: set[str] = set()
    found = []
    for name in names:
        free, number = name, 1
        while free in seen or (number > 1 and free in taken):
            number += 1
            free = f"{name}_{number}"
        seen.add(free)
        found.append(free)
    return found
