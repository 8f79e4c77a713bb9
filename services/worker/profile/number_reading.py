"""Cells as plain numbers: which are canonical integers, plain decimals or doubles; those that are not plain are left to `floating`."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.worker.profile import exact, words
from services.worker.profile.cells import I64, KEEP_LOW, U64, Cells, Mask
from services.worker.profile.floating import Rest, double_holds, find_floating
from services.worker.profile.numbers import MAX_PRECISION, NumberReading, Numbers, Range, add_doubles

SCANNED_BYTES: Final = 48
SAFE_DIGITS: Final = 10**15
MAX_DIGITS: Final = 10**17


def read_numbers(cells: Cells, *, statistics: bool) -> NumberReading:
    """Read cells that open with a digit, a minus, a point, or an i or n (inf, nan)."""
    size = len(cells)
    reading = NumberReading.none(size)
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
    padded = zero & (lead > 1)
    plain &= ~padded
    rest = ~(plain | padded)
    if rest.any():
        find_floating(Rest(cells, starts, lens, lead, first), rest, reading, longer_than=SCANNED_BYTES, statistics=statistics)
    if not plain.any():
        return reading
    whole = bool(plain.all())
    index = None if whole else np.flatnonzero(plain)
    some = cells if index is None else cells.take(index)
    if index is not None:
        lead, starts, lens, negative, zero, dotted = lead[index], starts[index], lens[index], negative[index], zero[index], dotted[index]
    after = np.where(dotted, lens - lead - 1, 0) if len(candidates) else np.zeros(len(some), np.int64)
    ends = starts + lens
    shape = _Shape(some, before=lead, after=after, ends=ends, negative=negative, zero=zero, value_after=after, value_ends=ends)
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
    value_after: I64
    value_ends: I64


def _drop_zeros(shape: _Shape, long: Mask) -> None:
    """Read numbers of more than 18 digits without the zeros at their end, where 18 digits are left."""
    surplus = shape.before + shape.after - 18
    index = np.flatnonzero(long & (surplus > 0) & (surplus <= 18) & (surplus < shape.after))
    if len(index):
        index = index[words.digits_before(shape.cells, shape.ends[index], surplus[index], 18) == 0]
        shape.value_after, shape.value_ends = shape.after.copy(), shape.ends.copy()
        shape.value_after[index] -= surplus[index]
        shape.value_ends[index] -= surplus[index]
        long[index] = False


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
    before, after, cells = shape.before, shape.value_after, shape.cells
    width = before + after
    long = width > 18
    if long.any():
        deep = np.flatnonzero(long & (before <= shape.zero) & (after <= 36))
        long[deep] = words.digits_before(cells, shape.ends[deep] - 18, np.maximum(after[deep] - 18, 0), 18) != 0
        _drop_zeros(shape, long)
        before, after = shape.before, shape.value_after
    fractional = bool(after.any())
    longest_before, longest_after = min(int(before.max()), 19), min(int(after.max()), 18)
    point = shape.ends - shape.after - (shape.after > 0) if fractional else shape.ends
    value = words.digits_before(cells, point, np.minimum(before, 19), longest_before)
    if fractional:
        tail = words.digits_before(cells, shape.value_ends, np.minimum(after, 18), longest_after)
        power = (10 ** np.arange(19, dtype=np.uint64)).take(after, mode="clip")
        value = value * power + tail
    if long.any():
        fits = (before == 19) & (after == 0) & (value <= np.uint64(2**63 - 1) + shape.negative)
        long &= ~fits
    short = ~long
    minus_zero = shape.negative & (value == 0)
    minus_zero &= short
    bigint = short & ~minus_zero
    if fractional:
        bigint &= shape.after == 0
    decimal, double = short.copy(), short.copy()
    large = np.flatnonzero((value >= SAFE_DIGITS) & ~long)
    if len(large):
        double[large] = _reproduced(cells.take(large), value[large], whole=after[large] == 0)
    if long.any():
        _read_long(shape, np.flatnonzero(long), decimal, double, reading.numbers)
    _store(reading, index, bigint, decimal, double)
    _count_digits(shape, decimal, minus_zero, reading.numbers)
    if statistics:
        signed = value.view(np.int64)
        signed = np.where(shape.negative, -signed, signed) if shape.negative.any() else signed
        _add_scales(reading.numbers, signed, after, cells.weights, short)


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


def _count_digits(shape: _Shape, decimal: Mask, minus_zero: Mask, numbers: Numbers) -> None:
    """Count cells by their digits before and after the point, a zero before the point being no digit."""
    before = shape.before - (shape.zero & (shape.before == 1))
    fractional = bool(shape.after.any())
    code = (before << 8) + (minus_zero << 1)
    if fractional:
        code += (shape.after << 2) | ((shape.before == 0) << 1)
        code |= (shape.after > 0) & (shape.cells.byte_at(shape.ends - 1) == ord("0"))
    weights = shape.cells.weights
    if not decimal.all():
        code, weights = code[decimal], None if weights is None else weights[decimal]
    counts = np.bincount(code, weights=weights)
    for key in np.flatnonzero(counts):
        rows = int(counts[key])
        mine = numbers.digits.setdefault((int(key) >> 8, (int(key) >> 2) & 63), [0, 0, 0])
        mine[0] += rows
        mine[1] += rows if key & 2 else 0
        mine[2] += rows if key & 3 == 1 else 0


def _reproduced(cells: Cells, value: U64, *, whole: Mask) -> Mask:
    """Tell which numbers of 16 to 19 digits a double reproduces: its shortest text has the same value.

    Integers below 2^54 do if the double equals them; from there on one that is not equal and does not end in 0 never does.
    """
    significant = value.copy()
    for _ in range(4):
        tenth, remainder = np.divmod(significant, np.uint64(10))
        significant = np.where(remainder == 0, tenth, significant)
    result = significant < SAFE_DIGITS
    unsure = ~result & (significant < MAX_DIGITS)
    if whole.any():
        equal = value.astype(np.float64).astype(np.uint64) == value
        small = value < np.uint64(1 << 54)
        result |= whole & unsure & small & equal
        unsure &= ~(whole & (small | (~equal & (value % np.uint64(10) != 0))))
    doubtful = np.flatnonzero(unsure)
    if len(doubtful):
        texts = cells.take(doubtful).array()
        if not whole[doubtful].any():
            texts = pc.utf8_rtrim(texts, "0")
        same = pc.equal(texts.cast(pa.float64()).cast(pa.string()), texts).to_numpy(zero_copy_only=False)
        for position in np.flatnonzero(~same):
            same[position] = double_holds(texts[int(position)].as_py())
        result[doubtful] = same
    return result


def _read_long(shape: _Shape, index: I64, decimal: Mask, double: Mask, numbers: Numbers) -> None:
    """Read plain numbers of more than 18 digits one by one, in Python's integers."""
    for position in index:
        text = shape.cells.text(int(position))
        weight = 1 if shape.cells.weights is None else int(shape.cells.weights[position])
        before = int(shape.before[position]) - int(shape.zero[position] and shape.before[position] == 1)
        scale = int(shape.after[position])
        value = int(text.replace(".", ""))
        double[position] = double_holds(text)
        decimal[position] = before + scale <= MAX_PRECISION
        if decimal[position]:
            numbers.scales.setdefault(scale, Range()).add(Range(weight, value, value, value * weight, value * value * weight))
        elif double[position]:
            add_doubles(numbers, np.array([float(text)]), np.array([weight]))
