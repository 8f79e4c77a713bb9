"""What went into each column: nulls, extremes and sums over typed values, exact and mergeable, in the units the receipt compares.

Units: bigint itself, decimals as integers of their scale, dates as days and timestamps as milliseconds since 1970, booleans as 0 and 1,
text by its characters. Doubles have a sum of Python floats beside the sum of their absolute values, which bounds what summing in
another order may change; the values that no sum can hold (NaN, ±Infinity) are counted apart and left out of the extremes.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from decimal import Context
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

SHOWN_CHARACTERS = 256
_HALF = 1 << 32
_INT64 = 1 << 63
_WIDE = Context(prec=60)

Unit = int | float | str | None


@dataclass(frozen=True)
class Statistics:
    """One column's values; `low`, `high` and `total` are None while there is none.

    Text is known by its first 256 characters, and `longest` is how many the longest one has.
    `overflow`: the absolute values add up to more than a double holds, so there is no sum.
    """

    nulls: int = 0
    low: Unit = None
    high: Unit = None
    total: int | float | None = None
    magnitude: float = 0.0
    longest: int = 0
    overflow: bool = False
    nan: int = 0
    infinite: int = 0
    minus_infinite: int = 0

    def __add__(self, other: Statistics) -> Statistics:
        magnitude = self.magnitude + other.magnitude
        overflow = self.overflow or other.overflow or math.isinf(magnitude)
        return Statistics(
            nulls=self.nulls + other.nulls,
            low=_pick(min, self.low, other.low),
            high=_pick(max, self.high, other.high),
            total=None if overflow else _added(self.total, other.total),
            magnitude=0.0 if overflow else magnitude,
            longest=max(self.longest, other.longest),
            overflow=overflow,
            nan=self.nan + other.nan,
            infinite=self.infinite + other.infinite,
            minus_infinite=self.minus_infinite + other.minus_infinite,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the statistics for a record; whole numbers may be longer than 64 bits."""
        return asdict(self)


def measure(values: Any) -> Statistics:
    """Return the statistics of a typed Arrow array."""
    nulls = values.null_count
    if nulls == len(values):
        return Statistics(nulls)
    kind = values.type
    if pa.types.is_string(kind):
        return _texts(values, nulls)
    if pa.types.is_floating(kind):
        return _doubles(values, nulls)
    if pa.types.is_boolean(kind):
        trues = pc.sum(values).as_py()
        return Statistics(nulls, int(trues == len(values) - nulls), int(trues > 0), trues)
    if pa.types.is_decimal(kind):
        return _decimals(values, nulls)
    integers = values.view(pa.int32()).cast(pa.int64()) if pa.types.is_date32(kind) else values.view(pa.int64())
    return _integers(integers, nulls)


def _texts(values: Any, nulls: int) -> Statistics:
    ends = pc.min_max(values)
    low, high = (ends[name].as_py()[:SHOWN_CHARACTERS] for name in ("min", "max"))
    lengths = pc.utf8_length(values)
    return Statistics(nulls, low, high, pc.sum(lengths).as_py(), longest=pc.max(lengths).as_py())


def _integers(values: Any, nulls: int) -> Statistics:
    ends = pc.min_max(values)
    low, high = ends["min"].as_py(), ends["max"].as_py()
    if max(-low, high) * len(values) < _INT64:
        return Statistics(nulls, low, high, pc.sum(values).as_py())
    present = values.drop_null().to_numpy()
    return Statistics(nulls, low, high, int((present >> 32).sum()) * _HALF + int((present & (_HALF - 1)).sum()))


def _decimals(values: Any, nulls: int) -> Statistics:
    """Sum the 128-bit integers as a signed high and an unsigned low word, the latter in halves."""
    if nulls:
        values = values.drop_null()
    words = np.frombuffer(values.buffers()[1], np.int64)[2 * values.offset : 2 * (values.offset + len(values))].reshape(-1, 2)
    lows: npt.NDArray[np.int64] = words[:, 0]
    highs: npt.NDArray[np.int64] = words[:, 1]
    if bool((highs == lows >> 63).all()):
        low, high = int(lows.min()), int(lows.max())
        if max(-low, high) * len(lows) < _INT64:
            return Statistics(nulls, low, high, int(lows.sum()))
    ends = pc.min_max(values)
    scale = values.type.scale
    low, high = (int(ends[name].as_py().scaleb(scale, _WIDE)) for name in ("min", "max"))
    unsigned = lows.view(np.uint64)
    low_total = int((unsigned >> np.uint64(32)).sum()) * _HALF + int((unsigned & np.uint64(_HALF - 1)).sum())
    high_total = int((highs >> 32).sum()) * _HALF + int((highs & (_HALF - 1)).sum())
    return Statistics(nulls, low, high, (high_total << 64) + low_total)


def _doubles(values: Any, nulls: int) -> Statistics:
    present = (values.drop_null() if nulls else values).to_numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        magnitude = float(np.abs(present).sum())
        if math.isfinite(magnitude):
            return Statistics(nulls, float(present.min()), float(present.max()), float(present.sum()), magnitude)
        finite = present[np.isfinite(present)]
        magnitude = float(np.abs(finite).sum())
    odd = Statistics(
        nulls, nan=int(np.isnan(present).sum()), infinite=int(np.isposinf(present).sum()), minus_infinite=int(np.isneginf(present).sum())
    )
    if not len(finite):
        return odd
    if math.isfinite(magnitude):
        return odd + Statistics(0, float(finite.min()), float(finite.max()), float(finite.sum()), magnitude)
    return odd + Statistics(0, float(finite.min()), float(finite.max()), overflow=True)


def _pick(choose: Any, left: Unit, right: Unit) -> Unit:
    if left is None or right is None:
        return right if left is None else left
    if isinstance(left, str) and isinstance(right, str):
        return left if choose(left.encode(), right.encode()) == left.encode() else right
    picked: Unit = choose(left, right)
    return picked


def _added(left: float | None, right: float | None) -> int | float | None:
    if left is None or right is None:
        return right if left is None else left
    return left + right
