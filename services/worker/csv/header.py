"""Whether the first record names the columns, also when all there is is text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from services.worker.csv.fields import Cells
from services.worker.csv.shapes import is_value

BODY_RECORDS = 100
_YEAR_OR_INDEX = re.compile(rb"(?:1[89]|20)\d\d|0|[1-9]\d{0,2}")


def has_header(first: Cells, body: Sequence[Cells]) -> bool:
    """Weigh the first record against those below it, column by column; in doubt it is a header, since names are rarely missing."""
    names = [cell for cell in first if cell is not None and cell.strip()]
    if not names:
        return False
    rows = [cells for cells in body[:BODY_RECORDS] if len(cells) == len(first)]
    counted = _counts_up(names)
    evidence = 0
    for position, name in enumerate(first):
        column = [cells[position] for cells in rows]
        evidence += _evidence(name, [cell for cell in column if cell is not None], counted=counted)
    if evidence:
        return evidence > 0
    values = sum(is_value(name) for name in names)
    return values * 2 < len(names) and len(set(names)) == len(names) and len(names) * 2 > len(first)


def _evidence(name: bytes | None, cells: list[bytes], *, counted: bool) -> int:
    """Return more than 0 when the first cell is unlike its column, less when it is one of its values."""
    if name is None or not name.strip():
        return 0
    if is_value(name):
        if counted and _YEAR_OR_INDEX.fullmatch(name):
            return 1 if cells and not any(len(cell) == len(name) and _YEAR_OR_INDEX.fullmatch(cell) for cell in cells) else 0
        return -1 if not cells or sum(map(is_value, cells)) * 2 >= len(cells) else 0
    if not cells:
        return 0
    if sum(map(is_value, cells)) >= 0.8 * len(cells):
        return 2
    if name in cells:
        return -1
    lengths = {len(cell) for cell in cells}
    return 1 if len(cells) >= 3 and len(lengths) == 1 and len(name) not in lengths else 0


def _counts_up(names: Sequence[bytes]) -> bool:
    """Whether the numbers among the names go up one by one, as years or positions over columns do."""
    numbers = [int(name) for name in names if _YEAR_OR_INDEX.fullmatch(name)]
    return len(numbers) >= 2 and all(b - a == 1 for a, b in pairwise(numbers))
