"""What one block says of a column: its cells read as text, numbers, words and moments, each different text once where that pays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from services.worker.profile import words
from services.worker.profile.cells import I64, KEEP_LOW, Cells, Mask
from services.worker.profile.column import CANDIDATES, FIRST_FAILURES, Column, Failure, Limits, Part
from services.worker.profile.distinct import Distinct
from services.worker.profile.extremes import text_extremes
from services.worker.profile.number_reading import read_numbers
from services.worker.profile.numbers import NumberReading
from services.worker.profile.temporal import ISO_DATE, ISO_LOCAL, ISO_OFFSET, all_dated, read_moments

NULL_TOKENS: Final = ("NA", "N/A", "null", "NULL", "None", "-")
TRIED_ROWS: Final = 32_768
SHOWN_CHARACTERS: Final = 1000
EXACT_LENGTH: Final = 256
DIGIT, NUMERIC, NAMED, LOGICAL = 1, 2, 3, 4
CLASSES: Final = np.zeros(256, np.uint8)
CLASSES[[ord(c) for c in "0123456789"]] = DIGIT
CLASSES[[ord(c) for c in "-."]] = NUMERIC
CLASSES[[ord(c) for c in "iInN"]] = NAMED
CLASSES[[ord(c) for c in "tTfF"]] = LOGICAL

Codes = npt.NDArray[np.int32]
Locate = Callable[[int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a block still has to find out for a column; older than the state at worst, which costs time and changes nothing."""

    encoded: bool
    repeating: bool
    values: bool
    number_statistics: bool
    orders: bool
    failures: tuple[str, ...]
    distinct: Distinct
    limits: Limits
    tokens: tuple[str, ...] = NULL_TOKENS

    @classmethod
    def by(cls, column: Column, tokens: tuple[str, ...]) -> "Wanted":
        return cls(
            encoded=column.encodes,
            repeating=column.repeating,
            values=column.values is not None,
            number_statistics=column.survives("bigint", "decimal", "double"),
            orders=column.orders,
            failures=tuple(name for name, failures in column.failures.items() if len(failures) < FIRST_FAILURES),
            distinct=column.distinct,
            limits=column.limits,
            tokens=tokens,
        )


def summarise(texts: Any, wanted: Wanted, locate: Locate) -> Part:
    """Read one column of a block (`pa.ChunkedArray` of text); `locate` turns a row of it into (record number, line)."""
    part = Part(rows=len(texts), nulls=texts.null_count)
    if part.rows == part.nulls:
        return part
    codes: Codes | None = None
    if wanted.encoded and (wanted.repeating or _may_repeat(texts, wanted.limits)):
        codes, different = _encode(texts)
        counts = np.bincount(codes[codes >= 0] if part.nulls else codes, minlength=len(different))
        cells = Cells.of(different, counts)
        if wanted.values and len(cells) <= wanted.limits.values and int(cells.lens.sum()) <= wanted.limits.value_bytes:
            part.values = dict(zip(different.to_pylist(), counts.tolist(), strict=True))
        part.repeats = len(cells) * 2 <= part.rows - part.nulls
    elif wanted.encoded:
        part.repeats = False
    if not part.repeats:
        codes, cells = None, Cells.of(texts.combine_chunks())
    part.least, part.greatest = text_extremes(cells)
    part.hashes = wanted.distinct.candidates(cells.hashes())
    _measure(cells, part)
    _classify(cells, part, wanted, codes, locate)
    return part


def _may_repeat(texts: Any, limits: Limits) -> bool:
    """Look at the first rows: where they hold too many different texts to keep, and hardly one twice, the rest is not tried."""
    first = texts.slice(0, TRIED_ROWS)
    if len(first) * 2 > len(texts):
        return True
    different = pc.count_distinct(first, mode="only_valid").as_py()
    return bool(different <= limits.values or different * 8 <= (len(first) - first.null_count) * 7)


def _encode(texts: Any) -> tuple[Codes, Any]:
    """Return for each cell the place of its text among the different ones, -1 for NULL, and these."""
    encoded = texts.dictionary_encode()
    codes = pa.chunked_array([chunk.indices for chunk in encoded.chunks], pa.int32())
    return (codes.fill_null(-1) if texts.null_count else codes).to_numpy(), encoded.chunk(0).dictionary


def _measure(cells: Cells, part: Part) -> None:
    chars = cells.chars()
    part.min_length, part.max_length = int(chars.min()), int(chars.max())
    if part.max_length >= EXACT_LENGTH:
        chars = np.where(chars < EXACT_LENGTH, chars, _rounded(chars))
        keys, where = np.unique(chars, return_inverse=True)
        counts = np.bincount(where, weights=cells.weights)
        part.lengths = {int(key): int(count) for key, count in zip(keys, counts, strict=True)}
        return
    counts = np.bincount(chars, weights=cells.weights)
    part.lengths = {int(key): int(counts[key]) for key in np.flatnonzero(counts)}


def _rounded(lengths: I64) -> I64:
    """Keep the eight leading bits of long lengths, at most 0.8 % less."""
    shift = np.maximum(np.frexp(lengths.astype(np.float64))[1].astype(np.int64) - 8, 0)
    return (lengths >> shift) << shift


def _classify(cells: Cells, part: Part, wanted: Wanted, codes: Codes | None, locate: Locate) -> None:
    skipped = _skipped(cells, part, wanted.tokens)
    kinds = CLASSES.take(cells.word0.astype(np.uint8))
    passed: dict[str, Mask] = {}
    _read_logical(cells, kinds, part, passed)
    number_kinds = (kinds > 0) & (kinds < LOGICAL)
    if skipped is not None:
        number_kinds &= ~skipped
    found = np.flatnonzero(number_kinds)
    if len(found):
        whole = len(found) == len(cells)
        _read_numeric(cells if whole else cells.take(found), None if whole else found, len(cells), part, wanted, passed)
    typed = part.rows - part.nulls - part.empty - sum(part.tokens.values())
    for name in CANDIDATES:
        mask = passed.get(name)
        part.passed[name] = 0 if mask is None else cells.total(mask)
        if part.passed[name] < typed and name in wanted.failures:
            bad = np.ones(len(cells), np.bool_) if mask is None else ~mask
            part.failures[name] = _first(cells, bad if skipped is None else bad & ~skipped, codes, locate)


def _skipped(cells: Cells, part: Part, tokens: tuple[str, ...]) -> Mask | None:
    """Count empty cells and null tokens, and mark them."""
    short = cells.lens <= 4
    skipped: Mask | None = None
    if not short.any():
        return None
    empty = cells.lens == 0
    part.empty = cells.total(empty)
    if part.empty:
        skipped = empty
    for token in tokens:
        mask = cells.word0 == words.word(token)
        if mask.any():
            mask &= cells.lens == len(token)
            part.tokens[token] = cells.total(mask)
            skipped = mask if skipped is None else skipped | mask
    return skipped


def _read_logical(cells: Cells, kinds: Any, part: Part, passed: dict[str, Mask]) -> None:
    found = np.flatnonzero(kinds == LOGICAL)
    if not len(found):
        return
    some = cells if len(found) == len(cells) else cells.take(found)
    lowered = some.word0 | words.LOWER
    true = (some.lens == 4) & (lowered & KEEP_LOW[4] == words.word("true"))
    false = (some.lens == 5) & (lowered & KEEP_LOW[5] == words.word("false"))
    exact = (some.word0 == words.word("true")) | (some.word0 == words.word("false"))
    mask = np.zeros(len(cells), np.bool_)
    mask[found] = true | false
    passed["boolean"] = mask
    part.trues = some.total(true)
    part.lower_case = some.total(exact & (true | false))


def _read_numeric(cells: Cells, index: I64 | None, size: int, part: Part, wanted: Wanted, passed: dict[str, Mask]) -> None:
    reading = NumberReading.none(len(cells)) if all_dated(cells) else read_numbers(cells, statistics=wanted.number_statistics)
    part.numbers = reading.numbers
    masks = {"bigint": reading.bigint, "decimal": reading.decimal, "double": reading.double}
    digits = cells.lens >= 8
    digits &= ~reading.double
    digits &= ~reading.decimal
    others = np.flatnonzero(digits)
    if len(others):
        whole = len(others) == len(cells)
        moments = read_moments(cells if whole else cells.take(others), orders=wanted.orders)
        part.spans = moments.spans
        for name, mask in ((ISO_DATE, moments.date), (ISO_LOCAL, moments.local), (ISO_OFFSET, moments.offset)):
            masks[name] = mask if whole else _spread(mask, others, len(cells))
    for name, mask in masks.items():
        passed[name] = mask if index is None else _spread(mask, index, size)


def _spread(mask: Mask, index: I64, size: int) -> Mask:
    result = np.zeros(size, np.bool_)
    result[index] = mask
    return result


def _first(cells: Cells, bad: Mask, codes: Codes | None, locate: Locate) -> list[Failure]:
    if codes is None:
        positions = np.flatnonzero(bad)[:FIRST_FAILURES]
        rows = positions if cells.rows is None else cells.rows[positions]
    else:
        rows = np.flatnonzero(np.append(bad, False)[codes])[:FIRST_FAILURES]
        positions = codes[rows].astype(np.int64)
    return [(*locate(int(row)), shown(cells.text(int(at)))) for row, at in zip(rows, positions, strict=True)]


def shown(text: str) -> str:
    """Cut a text that is shown as an example."""
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
