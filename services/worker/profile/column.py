"""One column's statistics: a part from each block, merged into a small state that does not depend on where blocks end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from services.worker.profile import words
from services.worker.profile.cells import I64, KEEP_LOW, U64, Cells, Mask
from services.worker.profile.distinct import Distinct
from services.worker.profile.extremes import text_extremes
from services.worker.profile.numbers import NumberReading, Numbers, read_numbers
from services.worker.profile.temporal import ISO_DATE, ISO_LOCAL, ISO_OFFSET, Span, all_dated, read_moments

NULL_TOKENS: Final = ("NA", "N/A", "null", "NULL", "None", "-")
CANDIDATES: Final = ("boolean", "bigint", "decimal", "double", ISO_DATE, ISO_LOCAL, ISO_OFFSET)
FIRST_FAILURES: Final = 5
SLABS_UNTRIED: Final = 16
TRIED_ROWS: Final = 32_768
SHOWN_CHARACTERS: Final = 1000
EXACT_LENGTH: Final = 256
DIGIT, NUMERIC, NAMED, LOGICAL = 1, 2, 3, 4
CLASSES: Final = np.zeros(256, np.uint8)
CLASSES[[ord(c) for c in "0123456789"]] = DIGIT
CLASSES[[ord(c) for c in "-."]] = NUMERIC
CLASSES[[ord(c) for c in "iInN"]] = NAMED
CLASSES[[ord(c) for c in "tTfF"]] = LOGICAL

Failure = tuple[int, int, str]
Codes = npt.NDArray[np.int32]
Locate = Callable[[int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one column may hold, by how many columns there are: a wide file keeps smaller sketches, the same for all its blocks."""

    distinct: int
    remembered: int
    values: int
    value_bytes: int

    @classmethod
    def of(cls, columns: int) -> "Limits":
        share = max(1, columns)
        return cls(
            distinct=min(32_768, max(2_048, (1 << 23) // share)),
            remembered=1 << min(16, ((1 << 21) // share).bit_length() - 1),
            values=min(4_096, max(256, (1 << 21) // share)),
            value_bytes=min(262_144, max(8_192, (64 << 20) // share)),
        )


@dataclass(slots=True)
class Part:
    """What one block says of a column."""

    rows: int
    nulls: int
    empty: int = 0
    tokens: dict[str, int] = field(default_factory=dict)
    lengths: dict[int, int] = field(default_factory=dict)
    min_length: int | None = None
    max_length: int | None = None
    least: bytes | None = None
    greatest: bytes | None = None
    hashes: U64 = field(default_factory=lambda: np.empty(0, np.uint64))
    values: dict[str, int] | None = None
    repeats: bool | None = None
    passed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CANDIDATES, 0))
    failures: dict[str, list[Failure]] = field(default_factory=dict)
    lower_case: int = 0
    trues: int = 0
    numbers: Numbers = field(default_factory=Numbers)
    spans: dict[str, Span] = field(default_factory=dict)


class Column:
    """The merged state of one column."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.rows = self.nulls = self.empty = self.lower_case = self.trues = 0
        self.tokens: dict[str, int] = {}
        self.lengths: dict[int, int] = {}
        self.min_length: int | None = None
        self.max_length: int | None = None
        self.least: bytes | None = None
        self.greatest: bytes | None = None
        self.distinct = Distinct(limits.distinct, remembered=limits.remembered)
        self.values: dict[str, int] | None = {}
        self.value_bytes = 0
        self.passed = dict.fromkeys(CANDIDATES, 0)
        self.failures: dict[str, list[Failure]] = {name: [] for name in CANDIDATES}
        self.numbers = Numbers()
        self.spans: dict[str, Span] = {}
        self._untried = 0
        self._repeating = False

    @property
    def typed(self) -> int:
        """How many cells a type has to hold: neither null, nor empty, nor a null token."""
        return self.rows - self.nulls - self.empty - sum(self.tokens.values())

    def survives(self, *names: str) -> bool:
        return any(self.passed[name] == self.typed for name in names)

    def absorb(self, part: Part) -> None:
        """Merge the next block's part; parts come in the order of the file."""
        self.rows += part.rows
        self.nulls += part.nulls
        self.empty += part.empty
        self.lower_case += part.lower_case
        self.trues += part.trues
        for own, other in ((self.tokens, part.tokens), (self.lengths, part.lengths), (self.passed, part.passed)):
            _add_counts(own, other)
        self.min_length = _least(self.min_length, part.min_length)
        self.max_length = part.max_length if self.max_length is None else max(self.max_length, part.max_length or 0)
        self.least = _least(self.least, part.least)
        self.greatest = part.greatest if self.greatest is None else max(self.greatest, part.greatest or b"")
        self.distinct.add(part.hashes)
        self._untried = self._untried - 1 if part.repeats is None else 0 if part.repeats else SLABS_UNTRIED
        self._repeating = bool(part.repeats)
        if part.rows > part.nulls:
            self._absorb_values(part.values)
        for name, failures in part.failures.items():
            self.failures[name] = (self.failures[name] + failures)[:FIRST_FAILURES]
        self.numbers.add(part.numbers)
        for name, span in part.spans.items():
            self.spans.setdefault(name, Span()).add(span)
        self._drop_dead_spans()

    def _absorb_values(self, values: dict[str, int] | None) -> None:
        if self.values is None:
            return
        if values is None:
            self.values = None
            return
        own = self.values
        for text, count in values.items():
            before = own.get(text, 0)
            if not before:
                self.value_bytes += len(text.encode("utf-8", "surrogatepass"))
            own[text] = before + count
        if len(own) > self.limits.values or self.value_bytes > self.limits.value_bytes:
            self.values = None

    def _drop_dead_spans(self) -> None:
        """Forget other orders that do not fit every cell so far: they are only ever offered for a whole column."""
        typed = self.typed
        for name in [name for name, span in self.spans.items() if name not in CANDIDATES and span.count < typed]:
            del self.spans[name]

    @property
    def encodes(self) -> bool:
        """Whether the next cells are read by their different values: while these are few, and as a trial now and then."""
        return self.values is not None or self._untried <= 0

    @property
    def repeating(self) -> bool:
        """Whether the cells taken last were read by their different values, and that paid."""
        return self._repeating

    @property
    def orders(self) -> bool:
        return self.typed == 0 or any(name not in CANDIDATES for name in self.spans)


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


def _add_counts(own: dict[Any, int], other: dict[Any, int]) -> None:
    for key, count in other.items():
        own[key] = own.get(key, 0) + count


def _least(own: Any, other: Any) -> Any:
    if own is None or other is None:
        return other if own is None else own
    return min(own, other)
