"""Cells as numbers: which are canonical integers, plain decimals or doubles, and exact statistics over those that are."""

from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.worker.profile import exact, words
from services.worker.profile.cells import I64, KEEP_LOW, U64, Cells, Mask

SCANNED_BYTES: Final = 48
MAX_PRECISION: Final = 38
SAFE_DIGITS: Final = 10**15
MAX_DIGITS: Final = 10**17
FLOATING: Final = r"^-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"


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
    [cells, cells without a digit before it, cells that end in a zero after it]. `doubles`: what only a double can hold.
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


def read_numbers(cells: Cells, *, statistics: bool) -> NumberReading:
    """Read cells that open with a digit, a minus, a point, or an i or n (inf, nan)."""
    size = len(cells)
    reading = NumberReading(np.zeros(size, np.bool_), np.zeros(size, np.bool_), np.zeros(size, np.bool_), Numbers())
    negative = (cells.word0 & np.uint64(0xFF)) == ord("-")
    starts, lens, first = cells.starts, cells.lens, cells.word0
    if negative.any():
        starts, lens = starts + negative, lens - negative
        first = cells.gather(starts) & KEEP_LOW.take(lens, mode="clip")
    count, lead = _scan(cells, starts, lens, first)
    plain = count == 0
    plain &= lens > 0
    dotted = np.zeros(size, np.bool_)
    candidates = np.flatnonzero((count == 1) & (lead < lens - 1))
    if len(candidates):
        dotted[candidates] = cells.byte_at(starts[candidates] + lead[candidates]) == ord(".")
        plain |= dotted
    plain &= lens <= SCANNED_BYTES
    zero = (first & np.uint64(0xFF)) == ord("0")
    plain &= ~(zero & (lead > 1))
    rest = np.flatnonzero(~plain & (lens > 0) & ~(zero & (lead > 1)))
    if len(rest):
        _read_floating(cells.take(rest), rest, reading, first[rest], lens[rest])
    if not plain.any():
        return reading
    whole = bool(plain.all())
    index = None if whole else np.flatnonzero(plain)
    some = cells if index is None else cells.take(index)
    pick = (lambda a: a) if index is None else (lambda a: a[index])
    before, ends = pick(lead), pick(starts) + pick(lens)
    after = np.where(pick(dotted), pick(lens) - before - 1, 0) if len(candidates) else np.zeros(len(some), np.int64)
    shape = _Shape(some, before=before, after=after, ends=ends, negative=pick(negative), zero=pick(zero))
    _read_plain(shape, index, reading, statistics=statistics)
    return reading


@dataclass(slots=True)
class _Shape:
    cells: Cells
    before: I64
    after: I64
    ends: I64
    negative: Mask
    zero: Mask


def _scan(cells: Cells, starts: I64, lens: I64, first: U64) -> tuple[I64, I64]:
    """Count the bytes that are not digits in the first SCANNED_BYTES, and the digits before the first of them."""
    marks = words.nondigits(first) & words.HIGH_BITS.take(lens, mode="clip")
    count = np.bitwise_count(marks).astype(np.int64)
    lead = np.minimum(words.first_byte(marks), lens)
    longest = int(lens.max(initial=0))
    for offset in range(8, min(longest, SCANNED_BYTES), 8):
        more = np.flatnonzero((lens > offset) & (count <= 1))
        if not len(more):
            break
        left = lens[more] - offset
        marks = words.nondigits(cells.gather(starts[more] + offset)) & words.HIGH_BITS.take(left, mode="clip")
        open_ended = count[more] == 0
        lead[more] = np.where(open_ended, offset + np.minimum(words.first_byte(marks), left), lead[more])
        count[more] += np.bitwise_count(marks)
    return count, lead


def _read_plain(shape: _Shape, index: I64 | None, reading: NumberReading, *, statistics: bool) -> None:
    before, after, cells = shape.before, shape.after, shape.cells
    width = before + after
    long = width > 18
    deep = np.flatnonzero(long & (before - shape.zero <= 0) & (after > 18) & (after <= 36))
    if len(deep):
        long[deep] = words.digits_before(cells, shape.ends[deep] - 18, after[deep] - 18, 18) != 0
    fractional = bool(after.any())
    longest_before, longest_after = min(int(before.max()), 19), min(int(after.max()), 18)
    value = words.digits_before(cells, shape.ends - after - (after > 0) if fractional else shape.ends, np.minimum(before, 19), longest_before)
    if fractional:
        tail = words.digits_before(cells, shape.ends, np.minimum(after, 18), longest_after)
        power = (10 ** np.arange(19, dtype=np.uint64)).take(after, mode="clip")
        value = value * power + tail
    if long.any():
        fits = (before == 19) & (after == 0) & (value <= np.uint64(2**63 - 1) + shape.negative)
        long &= ~fits
    minus_zero = shape.negative & (value == 0) & ~long
    exact_decimal = ~long & ~minus_zero
    bigint = exact_decimal & (after == 0) if fractional else exact_decimal
    decimal, double = exact_decimal.copy(), ~long
    large = np.flatnonzero((value >= SAFE_DIGITS) & ~long)
    if len(large):
        double[large] = _reproduced(cells.take(large), value[large])
    if long.any():
        _read_long(shape, np.flatnonzero(long), decimal, double, reading.numbers)
    _store(reading, index, bigint, decimal, double)
    _count_digits(shape, decimal, reading.numbers)
    if statistics:
        signed = value.view(np.int64)
        signed = np.where(shape.negative, -signed, signed) if shape.negative.any() else signed
        _add_scales(reading.numbers, signed, after, cells.weights, exact_decimal)
        zeros = cells.total(minus_zero)
        if zeros:
            reading.numbers.doubles.add(Range(zeros, 0.0, 0.0))


def _store(reading: NumberReading, index: I64 | None, bigint: Mask, decimal: Mask, double: Mask) -> None:
    if index is None:
        reading.bigint, reading.decimal, reading.double = bigint, decimal, double
        return
    reading.bigint[index], reading.decimal[index] = bigint, decimal
    reading.double[index] = double


def _add_scales(numbers: Numbers, values: I64, after: I64, weights: I64 | None, valid: Mask) -> None:
    if not valid.all():
        values, after = values[valid], after[valid]
        weights = None if weights is None else weights[valid]
    if not len(values):
        return
    low, high = int(after.min()), int(after.max())
    for scale in range(low, high + 1):
        part, part_weights = values, weights
        if low != high:
            same = np.flatnonzero(after == scale)
            if not len(same):
                continue
            part, part_weights = values[same], None if weights is None else weights[same]
        total, squares = exact.sums(part, part_weights)
        rows = len(part) if part_weights is None else int(part_weights.sum())
        numbers.scales.setdefault(scale, Range()).add(Range(rows, int(part.min()), int(part.max()), total, squares))


def _count_digits(shape: _Shape, decimal: Mask, numbers: Numbers) -> None:
    """Count cells by their digits before and after the point, a zero before the point being no digit."""
    before = shape.before - (shape.zero & (shape.before == 1))
    bare = shape.before == 0
    ends_in_zero = (shape.after > 0) & (shape.cells.byte_at(shape.ends - 1) == ord("0")) if shape.after.any() else bare
    code = ((before * 64 + shape.after) * 4 + bare * 2 + ends_in_zero)[decimal]
    weights = None if shape.cells.weights is None else shape.cells.weights[decimal]
    counts = np.bincount(code, weights=weights)
    for key in np.flatnonzero(counts):
        digits, flags, rows = int(key) >> 2, int(key) & 3, int(counts[key])
        mine = numbers.digits.setdefault((digits >> 6, digits & 63), [0, 0, 0])
        mine[0] += rows
        mine[1] += rows if flags & 2 else 0
        mine[2] += rows if flags & 1 and not flags & 2 else 0


def _reproduced(cells: Cells, value: U64) -> Mask:
    """Tell which numbers of 16 to 19 digits a double reproduces: its shortest text has the same value."""
    significant = value.copy()
    for _ in range(4):
        tenth, remainder = np.divmod(significant, np.uint64(10))
        significant = np.where(remainder == 0, tenth, significant)
    result = significant < SAFE_DIGITS
    doubtful = np.flatnonzero(~result & (significant < MAX_DIGITS))
    if len(doubtful):
        texts = cells.take(doubtful).array()
        same = pc.equal(texts.cast(pa.float64()).cast(pa.string()), texts).to_numpy(zero_copy_only=False)
        for position in np.flatnonzero(~same):
            same[position] = double_holds(texts[int(position)].as_py())
        result[doubtful] = same
    return result


def double_holds(text: str) -> bool:
    """Tell whether a number's text has at most 17 significant digits and the value that its double prints."""
    value, number = Decimal(text), float(text)
    if not isfinite(number):
        return False
    return len(value.as_tuple().digits) - _outer_zeros(value) <= 17 and Decimal(repr(number)) == value


def _outer_zeros(value: Decimal) -> int:
    digits = "".join(map(str, value.as_tuple().digits))
    return len(digits) - max(1, len(digits.strip("0")))


def _read_long(shape: _Shape, index: I64, decimal: Mask, double: Mask, numbers: Numbers) -> None:
    """Read plain numbers of more than 18 digits one by one, in Python's integers."""
    for position in index:
        text = shape.cells.text(int(position))
        weight = 1 if shape.cells.weights is None else int(shape.cells.weights[position])
        before = int(shape.before[position]) - int(shape.zero[position] and shape.before[position] == 1)
        scale = int(shape.after[position])
        value = int(text.replace(".", ""))
        double[position] = double_holds(text)
        decimal[position] = before + scale <= MAX_PRECISION and not (value == 0 and shape.negative[position])
        if decimal[position]:
            numbers.scales.setdefault(scale, Range()).add(Range(weight, value, value, value * weight, value * value * weight))
        elif double[position]:
            _add_doubles(numbers, np.array([float(text)]), np.array([weight]))


def _read_floating(cells: Cells, index: I64, reading: NumberReading, first: U64, lens: I64) -> None:
    """Read what is not plain: exponents, more than SCANNED_BYTES characters, inf and nan."""
    lowered = first | words.LOWER
    minus = (cells.word0 & np.uint64(0xFF)) == ord("-")
    infinite = ((lens == 3) & (lowered & KEEP_LOW[3] == words.word("inf"))) | ((lens == 8) & (lowered == words.word("infinity")))
    nan = (lens == 3) & ~minus & (lowered & KEEP_LOW[3] == words.word("nan"))
    special = infinite | nan
    if special.any():
        reading.double[index[special]] = True
        reading.numbers.nan += cells.total(nan)
        reading.numbers.positive_infinity += cells.total(infinite & ~minus)
        reading.numbers.negative_infinity += cells.total(infinite & minus)
    odd = words.nondigits(first) & words.HIGH_BITS.take(lens, mode="clip")
    for allowed in ".eE+-":
        odd &= ~words.bytes_equal(first, allowed)
    possible = np.flatnonzero((odd == 0) & ~special)
    if not len(possible):
        return
    some = cells.take(possible)
    texts = some.array()
    matches = np.flatnonzero(pc.match_substring_regex(texts, FLOATING).to_numpy(zero_copy_only=False))
    if not len(matches):
        return
    values = texts.take(pa.array(matches)).cast(pa.float64()).to_numpy()
    size = np.abs(values)
    holds = (some.lens[matches] <= 17) & (size > 1e-290) & (size < 1e290)
    for position in np.flatnonzero(~holds):
        holds[position] = double_holds(texts[int(matches[position])].as_py())
    reading.double[index[possible[matches[holds]]]] = True
    weights = None if some.weights is None else some.weights[matches][holds]
    _add_doubles(reading.numbers, values[holds], weights)
    reading.numbers.exponents += int(holds.sum()) if weights is None else int(weights.sum())


def _add_doubles(numbers: Numbers, values: Any, weights: I64 | None) -> None:
    if len(values):
        total, squares = exact.double_sums(values, weights)
        rows = len(values) if weights is None else int(weights.sum())
        numbers.doubles.add(Range(rows, float(values.min()), float(values.max()), total, squares))
