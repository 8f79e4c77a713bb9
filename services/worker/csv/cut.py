"""Cutting: how many of the bytes at hand are whole records that a fast reader reads exactly as the grammar does.

Quotes are trusted while each opening one follows a delimiter, a line end or a quote, and each closing one comes before one of them:
then whether a byte is inside quotes is the parity of the quotes before it. Where that fails, the quotes are walked one by one, and
those that are text in an unquoted cell (`5" pipe`) are left out. The last line end outside quotes is found by stepping
back from quoted field to quoted field, never from line to line, which would be quadratic inside a long one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from services.worker.csv.blocks import Offsets
from services.worker.csv.grammar import Grammar

_STEPS_BACK = 1000
_NEWLINE, _RETURN = 10, 13

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Cut:
    """`data[:end]` is whole records beyond doubt; `clean` says that nothing doubtful stands behind them in the bytes at hand."""

    data: bytes
    end: int
    clean: bool
    quotes: Offsets
    line_end: int

    @property
    def array(self) -> Bytes:
        return np.frombuffer(self.data, dtype=np.uint8, count=self.end)

    def is_outside(self, positions: Offsets) -> npt.NDArray[np.bool_]:
        """Return which positions are outside quotes."""
        return _outside(self.quotes, positions)

    @cached_property
    def record_ends(self) -> Offsets:
        """Where each record ends, blank ones too: behind its line end."""
        ends = np.flatnonzero(self.array == self.line_end).astype(np.int64, copy=False)
        ends = ends[self.is_outside(ends)] + 1
        if self.end and (not ends.size or ends[-1] != self.end):
            ends = np.append(ends, self.end)
        return ends

    @cached_property
    def records(self) -> tuple[Offsets, Offsets]:
        """Where the text of each record begins and ends, blank ones too."""
        starts = np.concatenate((np.zeros(1, dtype=np.int64), self.record_ends[:-1])) if self.record_ends.size else self.record_ends
        ends = self.record_ends.copy()
        array = self.array
        if ends.size:
            ends -= (array[ends - 1] == self.line_end) & (ends > starts)
            if self.line_end == _NEWLINE:
                ends -= (array[ends - 1] == _RETURN) & (ends > starts) & (self.record_ends > ends)
        return starts, ends


def cut(data: bytes, grammar: Grammar, *, last: bool) -> Cut:
    """Cut `data`, which begins with a record; `last` says that nothing follows it."""
    fields = grammar.fields
    array = np.frombuffer(data, dtype=np.uint8)
    quotes = _positions(array, fields.quote[0]) if fields.quote is not None else np.empty(0, dtype=np.int64)
    line_end, doubt = _line_end(data, array, quotes, universal=grammar.lines.universal, last=last)
    doubtful = _doubtful_quote(array, quotes, fields.delimiter[0], line_end, last=last)
    if doubtful < len(data):
        quotes, doubtful = _without_text_quotes(array, quotes, fields.delimiter[0], line_end, last=last)
        line_end, doubt = _line_end(data, array, quotes, universal=grammar.lines.universal, last=last)
    doubt = min(doubt, doubtful)
    if len(fields.delimiter) > 1 or (grammar.comments_anywhere and quotes.size):
        doubt = 0
    if fields.escape is not None and (escape := data.find(fields.escape)) >= 0:
        doubt = min(doubt, escape)
    end = len(data) if last and doubt == len(data) else _last_record_end(data, array, quotes, line_end, doubt)
    held_back = not last and doubt == len(data) - 1 and data.endswith(b"\r")
    found = Cut(data, end, doubt == len(data) or held_back, quotes[: np.searchsorted(quotes, end)], line_end)
    return _without_long_records(found, grammar.max_record_bytes) if end > grammar.max_record_bytes else found


def _positions(array: Bytes, byte: int) -> Offsets:
    return np.flatnonzero(array == byte).astype(np.int64, copy=False)


def _outside(quotes: Offsets, positions: Offsets) -> npt.NDArray[np.bool_]:
    if not quotes.size:
        return np.ones(positions.size, dtype=np.bool_)
    outside: npt.NDArray[np.bool_] = np.searchsorted(quotes, positions) % 2 == 0
    return outside


def _line_end(data: bytes, array: Bytes, quotes: Offsets, *, universal: bool, last: bool) -> tuple[int, int]:
    """Return the byte that ends records here, and the first position where that is in doubt."""
    if data.find(b"\r") < 0:
        return _NEWLINE, len(data)
    returns = _positions(array, _RETURN)
    doubt = len(data)
    if not last and returns[-1] == len(data) - 1:
        doubt -= 1
        returns = returns[:-1]
    alone = returns[array[np.minimum(returns + 1, len(data) - 1)] != _NEWLINE]
    alone = alone[_outside(quotes, alone)]
    if not alone.size:
        return _NEWLINE, doubt
    if universal and data.find(b"\n") < 0:
        return _RETURN, doubt
    return _NEWLINE, min(doubt, int(alone[0]))


def _doubtful_quote(array: Bytes, quotes: Offsets, delimiter: int, line_end: int, *, last: bool) -> int:
    """Return the position of the first quote that is not where a quote should be, or the length."""
    doubt = len(array)
    if not quotes.size:
        return doubt
    if last and quotes.size % 2:
        doubt = int(quotes[-1])
    quote = array[quotes[0]]
    opening, closing = quotes[0::2], quotes[1::2]
    before = array[np.maximum(opening - 1, 0)]
    fine = (before == delimiter) | (before == line_end) | (before == quote) | (opening == 0)
    if not fine.all():
        doubt = min(doubt, int(opening[np.argmin(fine)]))
    after = array[np.minimum(closing + 1, len(array) - 1)]
    fine = (after == delimiter) | (after == _NEWLINE) | (after == quote) | (after == _RETURN) | (closing == len(array) - 1)
    if not fine.all():
        doubt = min(doubt, int(closing[np.argmin(fine)]))
    return doubt


def _without_text_quotes(array: Bytes, quotes: Offsets, delimiter: int, line_end: int, *, last: bool) -> tuple[Offsets, int]:
    """Return the quotes that open and close fields, leaving out those that are text in unquoted ones, and the first doubtful one."""
    before = array[np.maximum(quotes - 1, 0)]
    opens = ((before == delimiter) | (before == line_end) | (quotes == 0)).tolist()
    after = array[np.minimum(quotes + 1, len(array) - 1)]
    closes = ((after == delimiter) | (after == _NEWLINE) | (after == _RETURN) | (quotes == len(array) - 1)).tolist()
    doubled = np.append(np.diff(quotes) == 1, False).tolist()
    kept: list[int] = []
    position = 0
    inside = False
    while position < len(opens):
        if not inside and opens[position]:
            kept.append(position)
            inside = True
        elif inside and doubled[position]:
            position += 1
        elif inside and closes[position]:
            kept.append(position)
            inside = False
        elif inside:
            return quotes[kept], int(quotes[position])
        position += 1
    doubt = int(quotes[kept[-1]]) if inside and last else len(array)
    return quotes[kept], doubt


def _last_record_end(data: bytes, array: Bytes, quotes: Offsets, line_end: int, stop: int) -> int:
    """Return the position behind the last line end outside quotes in `data[:stop]`, or 0."""
    count = int(np.searchsorted(quotes, stop))
    if count % 2:
        count -= 1
        stop = int(quotes[count])
    wanted = bytes([line_end])
    for _ in range(_STEPS_BACK):
        begin = int(quotes[count - 1]) + 1 if count else 0
        found = data.rfind(wanted, begin, stop)
        if found >= 0 or not count:
            return found + 1
        count -= 2
        stop = int(quotes[count])
    ends = _positions(array[:stop], line_end)
    ends = ends[_outside(quotes, ends)]
    return int(ends[-1]) + 1 if ends.size else 0


def _without_long_records(found: Cut, limit: int) -> Cut:
    starts, ends = found.records
    long = np.flatnonzero(ends - starts > limit)
    if not long.size:
        return found
    end = int(starts[long[0]])
    return Cut(found.data, end, False, found.quotes[: np.searchsorted(found.quotes, end)], found.line_end)
