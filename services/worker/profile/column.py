"""One column's statistics: a part from each block, merged into a small state that does not depend on where blocks end."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from services.worker.profile.cells import U64
from services.worker.profile.distinct import Distinct
from services.worker.profile.numbers import Numbers
from services.worker.profile.temporal import ISO_DATE, ISO_LOCAL, ISO_OFFSET, Span

CANDIDATES: Final = ("boolean", "bigint", "decimal", "double", ISO_DATE, ISO_LOCAL, ISO_OFFSET)
FIRST_FAILURES: Final = 5
SLABS_UNTRIED: Final = 16

Failure = tuple[int, int, str]


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


def _add_counts(own: dict[Any, int], other: dict[Any, int]) -> None:
    for key, count in other.items():
        own[key] = own.get(key, 0) + count


def _least(own: Any, other: Any) -> Any:
    if own is None or other is None:
        return other if own is None else own
    return min(own, other)
