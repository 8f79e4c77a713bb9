"""Cells as dates and timestamps: ISO 8601, and day, month and year in other orders."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from services.worker.profile import words
from services.worker.profile.cells import I64, KEEP_LOW, U64, Cells, Mask

DAY_MS: Final = 86_400_000
ISO_DATE: Final = "date"
ISO_LOCAL: Final = "timestamp"
ISO_OFFSET: Final = "timestamp with offset"
ISO_BYTES: Final = np.uint64(0xFF0000FF00000000)
ISO_DASHES: Final = words.word("\0\0\0\0-\0\0-")
_FIRST: Final = (np.datetime64("0000-01", "M") + np.arange(120_001)).astype("datetime64[D]").astype(np.int64)
MONTH_START: Final = _FIRST[:-1]
MONTH_DAYS: Final = np.diff(_FIRST)
FIRST_MS: Final = int(_FIRST[12]) * DAY_MS
END_MS: Final = int(_FIRST[-1]) * DAY_MS
ZONE_HOURS: Final = 14
CLOCKS: Final = (("", 0), (" %H:%M", 6), (" %H:%M:%S", 9))


@dataclass(slots=True)
class Span:
    """How many cells follow a format, their extremes (days or milliseconds since 1970), and how many change their text."""

    count: int = 0
    low: int | None = None
    high: int | None = None
    normalised: int = 0

    def add(self, other: "Span") -> None:
        if other.count:
            self.low = other.low if self.low is None or other.low is None else min(self.low, other.low)
            self.high = other.high if self.high is None or other.high is None else max(self.high, other.high)
        self.count += other.count
        self.normalised += other.normalised


@dataclass(slots=True)
class Moments:
    """Cells read as times: where each ISO form holds, the value there, and the span of each format."""

    date: Mask
    local: Mask
    offset: Mask
    values: I64
    spans: dict[str, Span] = field(default_factory=dict)


def all_dated(cells: Cells) -> bool:
    """Tell whether every cell opens with `dddd-dd-`, as no number does."""
    first = cells.word0
    if not len(first) or (first[0] & ISO_BYTES) != ISO_DASHES:
        return False
    return bool(((first & ISO_BYTES) == ISO_DASHES).all() and not words.nondigits(_without_dashes(first)).any())


def read_moments(cells: Cells, *, orders: bool) -> Moments:
    """Read cells that open with a digit; `orders` also tries day, month and year in other orders."""
    size = len(cells)
    moments = Moments(np.zeros(size, np.bool_), np.zeros(size, np.bool_), np.zeros(size, np.bool_), np.zeros(size, np.int64))
    iso = np.flatnonzero((cells.lens >= 10) & (cells.lens <= 48) & ((cells.word0 & ISO_BYTES) == ISO_DASHES))
    if len(iso):
        _read_iso(cells if len(iso) == size else cells.take(iso), iso, moments)
    if orders:
        other = np.flatnonzero((cells.lens >= 8) & (cells.lens <= 19) & ~(moments.date | moments.local | moments.offset))
        if len(other):
            some = cells.take(other)
            for name, mask, values in read_orders(some):
                add_span(moments.spans, name, some, mask, values, mask)
    return moments


def _read_iso(cells: Cells, index: I64, moments: Moments) -> None:
    first = cells.word0
    second = cells.gather(cells.starts + 8) & KEEP_LOW.take(cells.lens - 8, mode="clip")
    digits = (words.nondigits(_without_dashes(first)) == 0) & (words.nondigits(second) & words.HIGH_BITS[2] == 0)
    year = words.number((first & KEEP_LOW[4]) << np.uint64(32)).astype(np.int64)
    month = (_digit(first, 5) * 10 + _digit(first, 6)).astype(np.int64)
    day = (_digit(second, 0) * 10 + _digit(second, 1)).astype(np.int64)
    days, valid = days_of(year, month, day)
    valid &= digits
    date = valid & (cells.lens == 10)
    moments.date[index] = date
    if date.any():
        moments.values[index[date]] = days[date]
        add_span(moments.spans, ISO_DATE, cells, date, days)
    longer = np.flatnonzero(valid & (cells.lens >= 16))
    if len(longer):
        whole = len(longer) == len(cells)
        _read_clock(cells if whole else cells.take(longer), index[longer], moments, days=days[longer], second=second[longer])


def _read_clock(cells: Cells, index: I64, moments: Moments, *, days: I64, second: U64) -> None:
    """Read `Thh:mm[:ss[.f…]][Z|±hh[[:]mm]]` after a valid date."""
    hour = (_digit(second, 3) * 10 + _digit(second, 4)).astype(np.int64)
    minute = (_digit(second, 6) * 10 + _digit(second, 7)).astype(np.int64)
    marks = words.nondigits(second)
    separator = words.byte(second, 2)
    valid = (marks == np.uint64(0x0000800000800000)) & (words.byte(second, 5) == ord(":"))
    valid &= ((separator == ord("T")) | (separator == ord(" "))) & (hour < 24) & (minute < 60)
    milliseconds = (hour * 60 + minute) * 60_000
    left = cells.lens - 16
    seconds = np.zeros(len(cells), np.bool_)
    changed = np.ones(len(cells), np.bool_)
    zoned = np.zeros(len(cells), np.bool_)
    if left.any():
        third = cells.gather(cells.starts + 16) & KEEP_LOW.take(left, mode="clip")
        second_value = (_digit(third, 1) * 10 + _digit(third, 2)).astype(np.int64)
        seconds = (left >= 3) & (words.byte(third, 0) == ord(":")) & (words.nondigits(third) & np.uint64(0x808000) == 0)
        seconds &= second_value < 60
        milliseconds += np.where(seconds, second_value * 1000, 0)
        left = left - 3 * seconds
        changed = ~seconds
        tail = np.flatnonzero(left > 0)
        if len(tail):
            part = _read_tail(cells.take(tail), cells.lens[tail] - left[tail], seconds[tail])
            valid[tail] &= part.valid
            milliseconds[tail] += part.milliseconds
            changed[tail] |= part.changed
            zoned[tail] = part.zoned
    value = days * DAY_MS + milliseconds
    valid &= (value >= FIRST_MS) & (value < END_MS)
    local, offset = valid & ~zoned, valid & zoned
    moments.local[index], moments.offset[index] = local, offset
    moments.values[index[valid]] = value[valid]
    for name, mask in ((ISO_LOCAL, local), (ISO_OFFSET, offset)):
        if mask.any():
            add_span(moments.spans, name, cells, mask, value, changed)


@dataclass(slots=True)
class _Tail:
    valid: Mask
    milliseconds: I64
    changed: Mask
    zoned: Mask


def _read_tail(cells: Cells, offset: I64, seconds: Mask) -> _Tail:
    """Read the fraction (which only follows seconds) and the zone that stand `offset` bytes into each cell."""
    position, left = cells.starts + offset, cells.lens - offset
    tail = _Tail(np.ones(len(cells), np.bool_), np.zeros(len(cells), np.int64), np.zeros(len(cells), np.bool_), left > 0)
    fraction = seconds & (cells.byte_at(position) == ord("."))
    if fraction.any():
        used = _read_fraction(cells, position, left, fraction, tail)
        position, left = position + used, left - used
        tail.zoned = left > 0
    if not tail.zoned.any():
        return tail
    tail.changed |= tail.zoned
    utc = (left == 1) & (cells.byte_at(position) == ord("Z"))
    utc |= left == 0
    if not utc.all():
        _read_zone(cells, position, left, utc, tail)
    return tail


def _read_fraction(cells: Cells, position: I64, left: I64, fraction: Mask, tail: _Tail) -> I64:
    digits, count = words.leading_digits(cells, position + 1, np.where(fraction, left - 1, 0))
    number = words.number(digits & KEEP_LOW.take(count, mode="clip"))
    finer = number % np.uint64(100_000) != 0
    if (count == 8).any():
        more, more_count = words.leading_digits(cells, position + 9, np.where(fraction & (count == 8), left - 9, 0))
        finer |= words.number(more & KEEP_LOW.take(more_count, mode="clip")) != 0
        count = count + more_count
    tail.milliseconds += np.where(fraction, (number // np.uint64(100_000)).astype(np.int64), 0)
    tail.valid &= ~fraction | ((count > 0) & (count < 16) & ~finer)
    tail.changed |= fraction & (count != 3)
    return np.where(fraction, count + 1, 0)


def _read_zone(cells: Cells, position: I64, left: I64, utc: Mask, tail: _Tail) -> None:
    zone = cells.gather(position) & KEEP_LOW.take(left, mode="clip")
    sign = words.byte(zone, 0)
    signed = (sign == ord("+")) | (sign == ord("-"))
    marks = words.nondigits(zone)
    colon = (left == 6) & (words.byte(zone, 3) == ord(":")) & (marks & np.uint64(0x808000808000) == 0)
    compact = (left == 5) & (marks & np.uint64(0x8080808000) == 0)
    hours_only = (left == 3) & (marks & np.uint64(0x808000) == 0)
    hours = (_digit(zone, 1) * 10 + _digit(zone, 2)).astype(np.int64)
    with_colon = (_digit(zone, 4) * 10 + _digit(zone, 5)).astype(np.int64)
    without = (_digit(zone, 3) * 10 + _digit(zone, 4)).astype(np.int64)
    minutes = np.where(colon, with_colon, np.where(compact, without, 0))
    written = signed & (colon | compact | hours_only) & (hours <= ZONE_HOURS) & (minutes < 60)
    shift = np.where(written, (hours * 60 + minutes) * 60_000, 0)
    tail.milliseconds -= np.where(sign == ord("-"), -shift, shift)
    tail.valid &= utc | written


def read_orders(cells: Cells) -> Iterator[tuple[str, Mask, I64]]:
    """Yield (format, where it holds, values) for `d/m/yyyy`, `m/d/yyyy` (also with `.` or `-`) and `yyyy/m/d` (also `.`), alone or
    before ` hh:mm[:ss]`."""
    first, one = words.leading_digits(cells, cells.starts, cells.lens)
    separator = cells.byte_at(cells.starts + one)
    at = one + 1
    second, two = words.leading_digits(cells, cells.starts + at, cells.lens - at)
    again = cells.byte_at(cells.starts + at + two)
    at = at + two + 1
    third, three = words.leading_digits(cells, cells.starts + at, cells.lens - at)
    rest = cells.lens - at - three
    fields = [words.number(_aligned(value, count)).astype(np.int64) for value, count in ((first, one), (second, two), (third, three))]
    year_last = (one >= 1) & (one <= 2) & (two >= 1) & (two <= 2) & (three == 4)
    year_first = (one == 4) & (two >= 1) & (two <= 2) & (three >= 1) & (three <= 2)
    clock, clock_valid = _plain_clock(cells, at + three, rest)
    lengths = set(np.flatnonzero(np.bincount(np.clip(rest, 0, 10))).tolist())
    for mark in "/.-":
        same = (separator == ord(mark)) & (again == ord(mark)) & (rest >= 0) & clock_valid
        if not same.any():
            continue
        orders = [(year_last, "%d{0}%m{0}%Y", (2, 1, 0)), (year_last, "%m{0}%d{0}%Y", (2, 0, 1))]
        if mark != "-":
            orders.append((year_first, "%Y{0}%m{0}%d", (0, 1, 2)))
        for fits, pattern, (year, month, day) in orders:
            here = fits & same
            if not here.any():
                continue
            days, valid = days_of(fields[year], fields[month], fields[day])
            here &= valid
            for suffix, length in ((suffix, length) for suffix, length in CLOCKS if length in lengths):
                mask = here & (rest == length)
                if mask.any():
                    yield pattern.format(mark) + suffix, mask, days * DAY_MS + clock if length else days


def moment_values(cells: Cells, name: str) -> tuple[Mask, I64]:
    """Return where cells follow one format, and their days or milliseconds there."""
    moments = read_moments(cells, orders=False)
    match name:
        case "date":
            return moments.date, moments.values
        case "timestamp":
            return moments.local, moments.values
        case "timestamp with offset":
            return moments.offset, moments.values
    for found, mask, values in read_orders(cells):
        if found == name:
            return mask, values
    return np.zeros(len(cells), np.bool_), np.zeros(len(cells), np.int64)


def _plain_clock(cells: Cells, offset: I64, rest: I64) -> tuple[I64, Mask]:
    if not rest.any():
        return rest, rest == 0
    text = cells.gather(cells.starts + offset + 1) & KEEP_LOW.take(rest - 1, mode="clip")
    space = cells.byte_at(cells.starts + offset) == ord(" ")
    marks = words.nondigits(text)
    hour, minute, second = ((_digit(text, i) * 10 + _digit(text, i + 1)).astype(np.int64) for i in (0, 3, 6))
    short = space & (rest == 6) & (marks & np.uint64(0x8080008080) == 0) & (words.byte(text, 2) == ord(":"))
    long = space & (rest == 9) & (marks == np.uint64(0x0000800000800000)) & (words.byte(text, 2) == ord(":")) & (words.byte(text, 5) == ord(":"))
    in_range = (hour < 24) & (minute < 60)
    valid = (rest == 0) | (short & in_range) | (long & in_range & (second < 60))
    return ((hour * 60 + minute) * 60 + np.where(long, second, 0)) * 1000, valid


def days_of(year: I64, month: I64, day: I64) -> tuple[I64, Mask]:
    """Return days since 1970 and which dates exist."""
    at = year * 12 + month - 1
    valid = (year >= 1) & (year <= 9999) & (month >= 1) & (month <= 12) & (day >= 1)
    valid &= day <= MONTH_DAYS.take(at, mode="clip")
    return MONTH_START.take(at, mode="clip") + day - 1, valid


def add_span(spans: dict[str, Span], name: str, cells: Cells, mask: Mask, values: I64, changed: Mask | None = None) -> None:
    chosen = values if mask.all() else values[mask]
    normalised = 0 if changed is None else cells.total(mask & changed)
    spans.setdefault(name, Span()).add(Span(cells.total(mask), int(chosen.min()), int(chosen.max()), normalised))


def _without_dashes(first: U64) -> U64:
    return (first & ~ISO_BYTES) | (words.ZEROS & ISO_BYTES)


def _digit(value: U64, index: int) -> U64:
    return (value >> np.uint64(8 * index)) & np.uint64(0x0F)


def _aligned(value: U64, count: I64) -> U64:
    """Move `count` leading digit bytes to the end of the word, zeros before them."""
    return (value & KEEP_LOW.take(count, mode="clip")) << (np.uint64(64) - count.astype(np.uint64) * np.uint64(8))
