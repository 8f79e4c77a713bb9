"""The statistics of a whole file: blocks in, as pandas frames on Arrow dtypes; two threads read columns, one merges them in order."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Self

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from services.worker.profile import codec
from services.worker.profile.column import Column, Limits, Part
from services.worker.profile.exact import MAX_ROWS
from services.worker.profile.finish import Named, finish_column
from services.worker.profile.model import ColumnProfile, Warned
from services.worker.profile.sample import Sample
from services.worker.profile.summary import NULL_TOKENS, Wanted, summarise

THREADS: Final = 2
IN_FLIGHT: Final = 4
LineOf = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Slab:
    """Rows that are summarised together: at most MAX_ROWS, as a frame of Arrow text."""

    frame: pd.DataFrame
    first_row: int
    line_of: LineOf

    def locate(self, row: int) -> tuple[int, int]:
        return self.first_row + row, self.line_of(row)


class Statistics:
    """Columns and row sample of what was read so far."""

    def __init__(self, columns: int, *, null_values: tuple[str, ...] | None = None) -> None:
        self.limits = Limits.of(columns)
        self.columns = [Column(self.limits) for _ in range(columns)]
        self.sample = Sample(columns)
        self.rows = 0
        self._null_values = null_values
        self._tokens = NULL_TOKENS if null_values is None else ()

    def pack(self, chunks: codec.Chunks) -> dict[str, Any]:
        columns = [codec.pack_column(column, chunks) for column in self.columns]
        return {"rows": self.rows, "columns": columns, "sample": chunks.add(self.sample.pack())}

    @classmethod
    def unpack(cls, document: dict[str, Any], parts: list[memoryview], *, null_values: tuple[str, ...] | None) -> Self:
        statistics = cls(len(document["columns"]), null_values=null_values)
        statistics.rows = document["rows"]
        statistics.columns = [codec.unpack_column(column, parts, statistics.limits) for column in document["columns"]]
        statistics.sample = Sample.restore(len(statistics.columns), bytes(parts[document["sample"]]))
        return statistics

    def add(self, table: Any, line_of: LineOf, pool: ThreadPoolExecutor) -> None:
        """Take the next rows of the file (`pa.Table` of text)."""
        for start in range(0, table.num_rows, MAX_ROWS):
            piece = table.slice(start, MAX_ROWS)
            frame = piece.to_pandas(types_mapper=pd.ArrowDtype)
            self._add_slab(Slab(frame, self.rows, lambda row, start=start: line_of(start + row)), pool)  # type: ignore[misc]

    def finish(self, names: list[Named]) -> tuple[list[ColumnProfile], list[Warned]]:
        """Decide types and make every column's figures."""
        profiles, warnings = [], []
        sampled_all = self.rows <= self.sample.size
        for named, column in zip(names, self.columns, strict=True):
            cells = self.sample.column(named.position)
            profile, warned = finish_column(named, column, cells, sampled_all=sampled_all and len(cells) == column.rows - column.nulls)
            profiles.append(profile)
            warnings += warned
        return profiles, warnings

    def _add_slab(self, slab: Slab, pool: ThreadPoolExecutor) -> None:
        waiting: deque[tuple[Column, Future[Part]]] = deque()
        rows = self.sample.choose(slab.first_row, len(slab.frame))
        sampled = []
        for position, column in enumerate(self.columns):
            texts = self._text(slab.frame, position)
            sampled.append(texts.take(rows.index))
            waiting.append((column, pool.submit(summarise, texts, Wanted.by(column, self._tokens), slab.locate)))
            if len(waiting) > IN_FLIGHT:
                _absorb(waiting)
        self.sample.add(rows, sampled)
        while waiting:
            _absorb(waiting)
        self.rows += len(slab.frame)

    def _text(self, frame: pd.DataFrame, position: int) -> Any:
        texts = pa.chunked_array(pa.array(frame.iloc[:, position].array))
        if self._null_values:
            null = pc.is_in(texts, value_set=pa.array(self._null_values, pa.string()))
            texts = pc.if_else(null, pa.scalar(None, texts.type), texts)
        return texts


def _absorb(waiting: deque[tuple[Column, Future[Part]]]) -> None:
    column, part = waiting.popleft()
    column.absorb(part.result())
