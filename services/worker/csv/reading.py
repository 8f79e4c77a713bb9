"""One reading of a file: chunks in, blocks out, in order.

One pass in the calling thread cuts chunks of whole records; threads read them with Arrow, in order; whatever the cut does not vouch
for is read exactly, record by record, and both give the same rows, rejects, lines and offsets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from services.worker.csv import rejects
from services.worker.csv.blocks import RAW_BYTES_KEPT, Block, Head, Piece, empty_piece
from services.worker.csv.cut import cut
from services.worker.csv.decode import DecodeLimits, Source
from services.worker.csv.dialect import Dialect
from services.worker.csv.exact import Shape, read_exactly
from services.worker.csv.fast import read_fast
from services.worker.csv.grammar import Grammar
from services.worker.csv.head import read_head
from services.worker.csv.names import column_names
from services.worker.csv.skip import FIELD, skip
from services.worker.csv.state import ReadState

_SMALL_CHUNK_BYTES = 1 << 20
_COLUMN_BYTES = 8 << 10


@dataclass(frozen=True)
class Limits:
    """How much is read at once, how long a record may be, how many threads parse; without `fast` every record is read exactly.

    `chunk_bytes` is the most; files of few columns are read in smaller chunks, which stay in the processor's cache.
    """

    chunk_bytes: int = 8 << 20
    exact_bytes: int = 512 << 10
    max_record_bytes: int = 64 << 20
    threads: int = 2
    fast: bool = True
    decode: DecodeLimits = field(default_factory=DecodeLimits)


@dataclass(frozen=True)
class _Item:
    piece: Future[Piece] | Piece
    head: Head
    begin: int
    skipping: str
    source_names: tuple[str, ...] | None
    names: tuple[str, ...] | None


class Reading:
    """Reads `source` from `state` on; `columns` are the wanted ones of the table's names."""

    def __init__(self, source: Source, dialect: Dialect, *, columns: Sequence[str] | None, state: ReadState, final: bool, limits: Limits) -> None:
        self._source = source
        self._dialect = dialect
        self._columns = columns
        self._final = final
        self._limits = limits
        self._state = state
        self._offset = state.offset
        self._skipping = state.skipping
        self._source_names = state.source_names
        self._names = state.names
        self._head = Head()
        self._preamble_seen = state.counts.preamble_records
        self._window = min(limits.chunk_bytes, _SMALL_CHUNK_BYTES)
        self._longest = max(limits.max_record_bytes + 3, limits.chunk_bytes)
        self._grammar = Grammar(dialect, width=state.columns, max_record_bytes=limits.max_record_bytes)
        self._shape = Shape.of(state.names or (), columns if state.names is not None else None)

    def blocks(self) -> Iterator[tuple[Block, ReadState]]:
        waiting: deque[_Item] = deque()
        with ThreadPoolExecutor(self._limits.threads, thread_name_prefix="csv") as pool:
            try:
                for item in self._items(pool):
                    waiting.append(item)
                    while len(waiting) > self._limits.threads:
                        yield self._place(waiting.popleft())
                while waiting:
                    yield self._place(waiting.popleft())
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _place(self, item: _Item) -> tuple[Block, ReadState]:
        piece = item.piece if isinstance(item.piece, Piece) else item.piece.result()
        line = self._state.line + item.head.lines
        block = piece.placed(offset=item.begin, line=line, head=item.head)
        self._state = self._state.after(block, line=line + piece.rows.lines, skipping=item.skipping, source_names=item.source_names, names=item.names)
        return block, self._state

    def _items(self, pool: ThreadPoolExecutor) -> Iterator[_Item]:
        while True:
            data = self._source.read(self._offset, self._window)
            if not data:
                break
            end = self._source.is_end(self._offset + len(data))
            before = self._stand
            yield from self._step(data, pool, last=end and self._final)
            if self._stand != before:
                continue
            if end:
                break
            self._window = min(2 * self._window, self._longest)
        if self._head.size:
            yield self._item(empty_piece(0, lines=0, names=self._shape.wanted_names, rejects=[]))

    @property
    def _chunk_bytes(self) -> int:
        return min(self._limits.chunk_bytes, max(_SMALL_CHUNK_BYTES, _COLUMN_BYTES * len(self._names or ())))

    @property
    def _stand(self) -> tuple[int, str, bool]:
        return self._offset, self._skipping, self._names is None

    def _step(self, data: bytes, pool: ThreadPoolExecutor, *, last: bool) -> Iterator[_Item]:
        if self._skipping:
            yield from self._skip(data, last=last)
        elif self._names is None:
            yield from self._read_head(data, last=last)
        else:
            yield from self._read_body(data, pool, last=last)

    def _skip(self, data: bytes, *, last: bool) -> Iterator[_Item]:
        found = skip(data, self._grammar, self._skipping, last=last)
        if found.size or not found.inside:
            self._skipping = found.inside
            lines = self._grammar.lines.count(data, found.size)
            yield self._item(empty_piece(found.size, lines=lines, names=self._shape.wanted_names, rejects=[]))
            self._window = self._chunk_bytes

    def _read_head(self, data: bytes, *, last: bool) -> Iterator[_Item]:
        found = read_head(data, self._grammar, preamble_seen=self._preamble_seen, first=self._offset == 0, last=last)
        self._head += found.head
        self._offset += found.head.size
        self._preamble_seen += found.head.counts.preamble_records
        if found.too_long is not None:
            yield self._too_long(data[found.head.size :], in_quotes=found.too_long.in_quotes)
        if found.too_long is not None or found.source_names is None:
            return
        self._source_names = found.source_names
        self._names = tuple(column_names(self._source_names))
        self._window = self._chunk_bytes
        self._shape = Shape.of(self._names, self._columns)
        self._grammar = Grammar(self._dialect, width=len(self._names), max_record_bytes=self._limits.max_record_bytes)

    def _read_body(self, data: bytes, pool: ThreadPoolExecutor, *, last: bool) -> Iterator[_Item]:
        exact_bytes = self._limits.exact_bytes
        if self._limits.fast and len(data) <= self._limits.chunk_bytes:
            found = cut(data, self._grammar, last=last)
            if found.end and (found.clean or found.end >= exact_bytes):
                yield self._item(pool.submit(read_fast, found, self._grammar, self._shape), size=found.end)
                self._window = self._chunk_bytes if found.clean else 2 * exact_bytes
                return
            if found.clean and not last and len(data) <= self._limits.max_record_bytes + 2:
                return
        reading = read_exactly(data, self._grammar, self._shape, last=last, enough_bytes=exact_bytes)
        if reading.piece.size or reading.too_long:
            self._skipping = FIELD if reading.too_long else ""
            yield self._item(reading.piece)
            self._window = min(self._chunk_bytes, 2 * exact_bytes)

    def _too_long(self, data: bytes, *, in_quotes: bool) -> _Item:
        raw = data[:RAW_BYTES_KEPT]
        reject = rejects.too_long(raw, line=0, offset=0, limit=self._limits.max_record_bytes, in_quotes=in_quotes)
        self._skipping = FIELD
        return self._item(empty_piece(0, lines=0, names=self._shape.wanted_names, rejects=[reject]))

    def _item(self, piece: Future[Piece] | Piece, *, size: int | None = None) -> _Item:
        begin = self._offset
        self._offset += piece.size if isinstance(piece, Piece) else size or 0
        head, self._head = self._head, Head()
        return _Item(piece, head, begin, self._skipping, self._source_names, self._names)
