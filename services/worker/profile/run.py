"""A profile in the making: it takes what has arrived, stops between blocks, is saved and restored, and ends in a `Profile`."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, BinaryIO, Final, Protocol, Self

import pyarrow as pa

from services.worker.csv.blocks import Block, Reject
from services.worker.csv.dialect import Dialect, DialectOverride
from services.worker.csv.reader import read_blocks
from services.worker.csv.reading import Limits
from services.worker.csv.sniff import sniff
from services.worker.csv.state import ReadState
from services.worker.profile import codec
from services.worker.profile.digest import Sha256
from services.worker.profile.finish import Named
from services.worker.profile.hashing import HashedStream
from services.worker.profile.model import Profile
from services.worker.profile.statistics import THREADS, Statistics

HEAD_BYTES: Final = 256 << 10
DEFAULT_LIMITS: Final = Limits()
SLAB_ROWS: Final = 131_072
SLAB_BYTES: Final = 24 << 20

RejectSink = Callable[[Iterable[Reject]], None]


class Report(Protocol):
    """Told after every block how far the run is, in raw bytes and in records."""

    def __call__(self, *, bytes_done: int, records_done: int) -> None: ...


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """What the user chose: parts of the dialect, and texts that are NULL in every column (None: tokens, in typed columns only)."""

    dialect: DialectOverride
    null_values: tuple[str, ...] | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any] | None) -> Self:
        """Take `{dialect?, null_values?, header?}`; `header` is short for the dialect's, and a mark that is null is none."""
        given = dict(document or {})
        override = dict(given.get("dialect") or {})
        if given.get("header") is not None:
            override["header"] = given["header"]
        nulls = given.get("null_values")
        return cls(DialectOverride.from_json(override), None if nulls is None else tuple(nulls))

    def to_json(self) -> dict[str, Any]:
        return {"dialect": self.dialect.to_json(), "null_values": None if self.null_values is None else list(self.null_values)}


class ProfileRun:
    """One profile from checkpoint to checkpoint; the result depends on the file and the settings alone."""

    def __init__(self, settings: ProfileSettings, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self.settings = settings
        self._limits = limits
        self.dialect: Dialect | None = None
        self.done = False
        self._state = ReadState()
        self._digest = Sha256()
        self._sha256 = ""
        self._bytes = 0
        self._statistics: Statistics | None = None

    @classmethod
    def start(cls, settings: ProfileSettings, *, limits: Limits = DEFAULT_LIMITS) -> Self:
        return cls(settings, limits=limits)

    @classmethod
    def restore(cls, blob: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Self:
        """Go on from a checkpoint."""
        document, parts = codec.unpack(blob)
        run = cls(ProfileSettings(DialectOverride(document["dialect_override"]), _nulls(document["null_values"])), limits=limits)
        run.dialect = None if document["dialect"] is None else Dialect.from_json(document["dialect"])
        run.done, run._sha256, run._bytes = document["done"], document["sha256"], document["bytes"]
        run._state = ReadState.from_json(document["state"])
        if document["digest"] is not None:
            size, context = document["digest"]
            run._digest = Sha256.restore(size, bytes(parts[context]))
        if document["statistics"] is not None:
            run._statistics = Statistics.unpack(document["statistics"], parts, null_values=run.settings.null_values)
        return run

    def checkpoint(self) -> bytes:
        """Return everything that a new process needs to go on."""
        chunks = codec.Chunks()
        context = self._digest.context()
        document = {
            "dialect_override": self.settings.dialect.to_json(),
            "null_values": None if self.settings.null_values is None else list(self.settings.null_values),
            "dialect": None if self.dialect is None else self.dialect.to_json(),
            "done": self.done,
            "sha256": self._sha256,
            "bytes": self._bytes,
            "state": self._state.to_json(),
            "digest": None if context is None else [self._digest.size, chunks.add(context)],
            "statistics": None if self._statistics is None else self._statistics.pack(chunks),
        }
        return codec.pack(document, chunks)

    @property
    def offset(self) -> int:
        """How many raw bytes are done (of a compressed or transcoded file: have been read)."""
        return max(self._state.offset, self._digest.size) if self.reads_from_the_start else self._state.offset

    @property
    def records(self) -> int:
        return self._state.counts.records

    def advance(self, stream: BinaryIO, *, available: int, final: bool, report: Report, rejects: RejectSink, stop: Callable[[], bool]) -> None:
        """Profile what there is of `stream[:available]`; `final` says that this is the whole file.

        Returns when that is done or, between two blocks, as soon as `stop()` is true. Memory does not grow with the file.
        """
        if self.done:
            return
        if self.dialect is None and not self._detect(stream, available=available, final=final):
            return
        hashed = HashedStream(stream, self._digest)
        try:
            if self._read(hashed, available=available, final=final, report=report, rejects=rejects, stop=stop) and final:
                hashed.reach(available)
                self.done = True
        finally:
            hashed.settle()
        if self.done:
            self._sha256, self._bytes = self._digest.hexdigest(), self._digest.size
        report(bytes_done=available if self.done else self.offset, records_done=self.records)

    def finish(self) -> Profile:
        """Decide the types and return the profile of a run that is done."""
        if not self.done or self.dialect is None:
            raise ValueError("The profile is not done: not every byte of the file was read.")
        counts = self._state.counts
        names = zip(self._state.source_names or (), self._state.names or (), strict=True)
        named = [Named(position, source_name, name) for position, (source_name, name) in enumerate(names)]
        statistics = self._statistics or Statistics(len(named), null_values=self.settings.null_values)
        columns, warnings = statistics.finish(named)
        return Profile(
            sha256=self._sha256,
            bytes=self._bytes,
            records=counts.records,
            header_records=counts.header_records,
            preamble_records=counts.preamble_records,
            comment_records=counts.comment_records,
            blank_records=counts.blank_records,
            rejected_records=counts.rejected_records,
            dialect=self.dialect.shown(),
            reading=self.dialect.to_json(),
            null_values=self.settings.null_values,
            warnings=tuple(warnings),
            columns=tuple(columns),
        )

    @property
    def reads_from_the_start(self) -> bool:
        """Whether going on means decoding the file from its beginning again, so that it should be read in one go."""
        return self.dialect is not None and (self.dialect.compression != "none" or self.dialect.encoding not in ("utf-8", "ascii"))

    def _detect(self, stream: BinaryIO, *, available: int, final: bool) -> bool:
        if available < HEAD_BYTES and not final:
            return False
        stream.seek(0)
        head = stream.read(min(available, HEAD_BYTES))
        self.dialect = sniff(head, whole=final and available <= HEAD_BYTES, override=self.settings.dialect)
        return True

    def _read(self, stream: HashedStream, *, available: int, final: bool, report: Report, rejects: RejectSink, stop: Callable[[], bool]) -> bool:
        """Take blocks until there are no more; return False when stopped before."""
        assert self.dialect is not None  # noqa: S101
        blocks = read_blocks(stream, self.dialect, resume=self._state, available=available, final=final, limits=self._limits)  # type: ignore[arg-type]
        slab = _Slab()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="profile") as pool:
            try:
                for block, state in blocks:
                    slab.add(block, state)
                    stopping = stop()
                    if stopping or slab.is_full:
                        self._take(slab, pool, rejects)
                        report(bytes_done=self.offset, records_done=self.records)
                        slab = _Slab()
                    if stopping:
                        return False
            finally:
                blocks.close()  # type: ignore[attr-defined]
            self._take(slab, pool, rejects)
        return True

    def _take(self, slab: "_Slab", pool: ThreadPoolExecutor, rejects: RejectSink) -> None:
        if slab.state is None:
            return
        if self._statistics is None and slab.state.columns is not None:
            self._statistics = Statistics(slab.state.columns, null_values=self.settings.null_values)
        if slab.rows and self._statistics is not None:
            self._statistics.add(slab.table(), slab.line_of, pool)
        found = [reject for block in slab.blocks for reject in block.rejects]
        if found:
            rejects(found)
        self._state = slab.state


class _Slab:
    """Blocks that are summarised together, so that a wide file's short blocks don't cost one round a column each."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.state: ReadState | None = None
        self.rows = self.size = 0

    def add(self, block: Block, state: ReadState) -> None:
        self.blocks.append(block)
        self.state = state
        self.rows += block.table.num_rows
        self.size += block.bytes

    @property
    def is_full(self) -> bool:
        return self.rows >= SLAB_ROWS or self.size >= SLAB_BYTES

    def table(self) -> Any:
        return pa.concat_tables([block.table for block in self.blocks if block.table.num_rows])

    def line_of(self, row: int) -> int:
        ends = accumulate(block.table.num_rows for block in self.blocks)
        for block, end in zip(self.blocks, ends, strict=True):
            if row < end:
                return block.line_of(row - end + block.table.num_rows)
        raise IndexError(row)


def _nulls(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
