"""The allow-list: every Trino function that has a faithful DuckDB form, and the names of those that have none."""

from __future__ import annotations

from services.shared.sql.call import Functions
from services.shared.sql.functions import (
    aggregates,
    arrays,
    binary,
    bits,
    dates,
    elements,
    formats,
    json,
    lambdas,
    logic,
    maps,
    mathematics,
    regex,
    strings,
    urls,
    windows,
)
from services.shared.sql.functions.known import KNOWN
from services.shared.sql.names import near_miss

SCALARS: Functions = {
    **mathematics.FUNCTIONS, **strings.FUNCTIONS, **dates.FUNCTIONS, **formats.FUNCTIONS, **regex.FUNCTIONS, **arrays.FUNCTIONS,
    **logic.FUNCTIONS, **binary.FUNCTIONS, **bits.FUNCTIONS, **urls.FUNCTIONS, **json.FUNCTIONS, **elements.FUNCTIONS, **lambdas.FUNCTIONS,
    **maps.FUNCTIONS,
}  # fmt: skip
AGGREGATES: Functions = aggregates.FUNCTIONS
WINDOWS: Functions = windows.FUNCTIONS


def is_trino_function(name: str) -> bool:
    """Tell whether Trino has a function of this name."""
    return name in KNOWN


def nearest(name: str) -> str:
    """Return a hint at a function that looks alike."""
    return near_miss(name, (n for n in (*SCALARS, *AGGREGATES, *WINDOWS, *KNOWN) if not n.startswith("$")))
