"""Exact sums of integers and of doubles: the same figure in whatever order and blocks the values come."""

from typing import Final

import numpy as np
import numpy.typing as npt

from services.worker.profile.cells import I64

LIMB: Final = 21
LOW: Final = np.int64((1 << LIMB) - 1)
MAX_ROWS: Final = 1 << 20  # a product of two limbs is below 2^42: 2^20 of them stay below 2^63
DOUBLE_UNIT: Final = 1074 + 53  # a double is an integer multiple of 2^-1074; 53 more for its mantissa as an integer


def sums(values: I64, weights: I64 | None) -> tuple[int, int]:
    """Return the sum and the sum of squares of at most MAX_ROWS int64 values (weights counted as rows)."""
    largest = max(abs(int(values.min())), abs(int(values.max())))
    rows = len(values) if weights is None else int(weights.sum())
    if largest * largest * rows < 1 << 62:
        weighted = values if weights is None else values * weights
        return int(weighted.sum()), int(np.dot(weighted, values))
    limbs = [values & LOW, (values >> LIMB) & LOW, values >> (2 * LIMB)]
    total, squares = 0, 0
    for i, left in enumerate(limbs):
        weighted = left if weights is None else left * weights
        total += int(weighted.sum()) << (LIMB * i)
        for j in range(i, len(limbs)):
            squares += (int(np.dot(weighted, limbs[j])) << (LIMB * (i + j))) * (1 if i == j else 2)
    return total, squares


def double_sums(values: npt.NDArray[np.float64], weights: I64 | None) -> tuple[int, int]:
    """Return the sum in units of 2^-DOUBLE_UNIT and the sum of squares in units of 2^-(2 * DOUBLE_UNIT) of finite doubles."""
    fraction, exponent = np.frexp(values)
    mantissa = np.ldexp(fraction, 53).astype(np.int64)
    total, squares = 0, 0
    for power in np.unique(exponent):
        same = exponent == power
        part, part_squares = sums(mantissa[same], None if weights is None else weights[same])
        shift = int(power) - 53 + DOUBLE_UNIT
        total += part << shift
        squares += part_squares << (2 * shift)
    return total, squares
