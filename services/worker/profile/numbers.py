"""Exact, mergeable statistics of cells that are numbers, and which cells those are."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from services.worker.profile import exact
from services.worker.profile.cells import I64, Mask

MAX_PRECISION: Final = 38


@dataclass(slots=True)
class Range:
    """Count, extremes, sum and sum of squares, all exact."""

    count: int = 0
    low: Any = None
    high: Any = None
    total: int = 0
    squares: int = 0

    def add(self, other: "Range") -> None:
        if other.count:
            self.low = other.low if self.low is None else min(self.low, other.low)
            self.high = other.high if self.high is None else max(self.high, other.high)
        self.count += other.count
        self.total += other.total
        self.squares += other.squares


@dataclass(slots=True)
class Numbers:
    """Mergeable statistics of the cells that are numbers.

    `scales`: plain decimals by digits after the point, as integers of that scale. `digits`: (digits before, after the point) to
    [cells, those without a digit before it or with a
    minus before zero, others that end in a zero after it]. `doubles`: what only a double can hold.
    """

    scales: dict[int, Range] = field(default_factory=dict)
    digits: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    doubles: Range = field(default_factory=Range)
    exponents: int = 0
    nan: int = 0
    positive_infinity: int = 0
    negative_infinity: int = 0

    def add(self, other: "Numbers") -> None:
        for scale, part in other.scales.items():
            self.scales.setdefault(scale, Range()).add(part)
        for key, counts in other.digits.items():
            mine = self.digits.setdefault(key, [0, 0, 0])
            for i, count in enumerate(counts):
                mine[i] += count
        self.doubles.add(other.doubles)
        self.exponents += other.exponents
        self.nan += other.nan
        self.positive_infinity += other.positive_infinity
        self.negative_infinity += other.negative_infinity


@dataclass(slots=True)
class NumberReading:
    bigint: Mask
    decimal: Mask
    double: Mask
    numbers: Numbers

    @classmethod
    def none(cls, size: int) -> "NumberReading":
        """Return the reading of cells none of which is a number."""
        return cls(np.zeros(size, np.bool_), np.zeros(size, np.bool_), np.zeros(size, np.bool_), Numbers())


def add_doubles(numbers: Numbers, values: Any, weights: I64 | None) -> None:
    """Take in what only doubles can hold."""
    if len(values):
        total, squares = exact.double_sums(values, weights)
        rows = len(values) if weights is None else int(weights.sum())
        numbers.doubles.add(Range(rows, float(values.min()), float(values.max()), total, squares))
