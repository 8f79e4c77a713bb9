"""Cells as floating-point numbers: exponents, infinity and NaN, and whether a double holds a number as it is written."""

from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Final

import numpy as np
import pyarrow as pa

from services.worker.profile import words
from services.worker.profile.cells import I64, KEEP_LOW, U64, Cells, Mask
from services.worker.profile.numbers import NumberReading, add_doubles

LONGEST_NUMBER: Final = 512


@dataclass(slots=True)
class Rest:
    """Cells that may be no plain number: where their digits begin and how many stand first, a sign left out."""

    cells: Cells
    starts: I64
    lens: I64
    lead: I64
    first: U64


def find_floating(shape: Rest, rest: Mask, reading: NumberReading, *, longer_than: int, statistics: bool) -> None:
    """Pick what can be an exponent, a very long number, inf or nan: digits run up to a point or an e, or a letter i or n stands first."""
    cells, starts, lens = shape.cells, shape.starts, shape.lens
    index = np.flatnonzero(rest)
    lead = shape.lead[index]
    mark = cells.byte_at(starts[index] + lead) | 0x20
    opens = lead == 0
    named = opens & ((mark == ord("i")) | (mark == ord("n")))
    floating = (mark == ord(".") | 0x20) | (~opens & (mark == ord("e"))) | (lens[index] > longer_than)
    floating &= lens[index] > 0
    if named.any():
        chosen = index[named]
        _read_named(cells.take(chosen), chosen, reading, shape.first[chosen], lens[chosen])
    if floating.any():
        chosen = index[floating]
        _read_floating(cells.take(chosen), chosen, reading, starts[chosen], statistics=statistics)


def double_holds(text: str) -> bool:
    """Tell whether a number's text has at most 17 significant digits and the value that its double prints."""
    significant = text.lower().partition("e")[0].lstrip("-").replace(".", "").strip("0")
    number = float(text)
    return len(significant) <= 17 and isfinite(number) and Decimal(repr(number)) == Decimal(text)


def _read_named(cells: Cells, index: I64, reading: NumberReading, first: U64, lens: I64) -> None:
    lowered = first | words.LOWER
    minus = (cells.word0 & np.uint64(0xFF)) == ord("-")
    infinite = ((lens == 3) & (lowered & KEEP_LOW[3] == words.word("inf"))) | ((lens == 8) & (lowered == words.word("infinity")))
    nan = (lens == 3) & ~minus & (lowered & KEEP_LOW[3] == words.word("nan"))
    reading.double[index[infinite | nan]] = True
    reading.numbers.nan += cells.total(nan)
    reading.numbers.positive_infinity += cells.total(infinite & ~minus)
    reading.numbers.negative_infinity += cells.total(infinite & minus)


def _read_floating(cells: Cells, index: I64, reading: NumberReading, starts: I64, *, statistics: bool) -> None:
    """Read `digits[.digits][e[sign]digits]` or `.digits…`, no padding zero, at most LONGEST_NUMBER bytes."""
    ends = cells.starts + cells.lens
    before = words.digit_run(cells, starts, ends)
    position = starts + before
    point = (position < ends) & (cells.byte_at(position) == ord("."))
    after = words.digit_run(cells, position + 1, np.where(point, ends, position))
    valid = (before > 0) | (after > 0)
    valid &= ~point | (after > 0)
    position = position + np.where(point, after + 1, 0)
    exponent = (position < ends) & (cells.byte_at(position) | 0x20 == ord("e"))
    sign = cells.byte_at(np.minimum(position + 1, ends))
    power = position + 1 + ((sign == ord("+")) | (sign == ord("-")))
    digits = words.digit_run(cells, power, np.where(exponent, ends, power))
    valid &= np.where(exponent, (digits > 0) & (power + digits == ends), position == ends)
    valid &= cells.lens <= LONGEST_NUMBER
    valid &= ~((before > 1) & (cells.byte_at(starts) == ord("0")))
    matches = np.flatnonzero(valid)
    if len(matches):
        _take_floating(cells.take(matches), index[matches], reading, statistics=statistics)


def _take_floating(cells: Cells, index: I64, reading: NumberReading, *, statistics: bool) -> None:
    texts = cells.array()
    values = texts.cast(pa.float64()).to_numpy()
    size = np.abs(values)
    holds = (cells.lens <= 17) & (size > 1e-290) & (size < 1e290)
    for position in np.flatnonzero(~holds):
        holds[position] = double_holds(texts[int(position)].as_py())
    reading.double[index[holds]] = True
    if not statistics:
        return
    weights = None if cells.weights is None else cells.weights[holds]
    add_doubles(reading.numbers, values[holds], weights)
    reading.numbers.exponents += int(holds.sum()) if weights is None else int(weights.sum())
