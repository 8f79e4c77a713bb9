"""Partitions of a block of rows: the derived columns that are added to it, and its rows sorted into their folders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from services.shared.errors import TooManyPartitions
from services.shared.partitioning import PartitionKey
from services.worker.publish.partition_path import folder_name

Codes = npt.NDArray[np.int64]
_PARTS = {"year": pc.year, "month": pc.month, "day": pc.day}


@dataclass(frozen=True)
class Partitions:
    """The keys of a table, outermost first, and how many partitions it may have."""

    keys: tuple[PartitionKey, ...]
    most: int

    def with_derived(self, columns: list[Any], names: list[str]) -> list[Any]:
        """Return the table's columns with the derived ones behind them."""
        parts = ((key, columns[names.index(key.column)]) for key in self.keys if key.part is not None)
        return [*columns, *(_PARTS[key.part or ""](values).cast(pa.int64()) for key, values in parts)]

    def split(self, table: Any) -> Iterator[tuple[str, Any]]:
        """Yield each partition's folder and its rows, in their order, without the keys."""
        codes, folders = self._folders(table)
        order = np.argsort(codes, kind="stable")
        names = {key.name for key in self.keys}
        stored = table.select([name for name in table.column_names if name not in names]).combine_chunks()
        rows = stored.to_batches()[0].take(pa.array(order))
        ordered = codes[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1)).tolist()
        for start, end in zip(starts, [*starts[1:], len(ordered)], strict=True):
            yield folders[int(ordered[start])], rows.slice(start, end - start)

    def _folders(self, table: Any) -> tuple[Codes, list[str]]:
        """Return for each row the number of its folder, and the folders."""
        codes: Codes = np.zeros(table.num_rows, np.int64)
        folders = [""]
        for key in self.keys:
            encoded = table.column(key.name).combine_chunks().dictionary_encode(null_encoding="encode")
            values = encoded.dictionary
            pairs = codes * len(values) + encoded.indices.to_numpy().astype(np.int64)
            found, codes = np.unique(pairs, return_inverse=True)
            if len(found) > self.most:
                raise TooManyPartitions(too_many(len(found), self.most))
            names = [folder_name(key.name, values[i].as_py()) for i in range(len(values))] if len(values) <= self.most else []
            folders = [f"{folders[pair // len(values)]}{names[pair % len(values)]}/" for pair in found.tolist()]
        return codes, folders


def too_many(count: int, most: int) -> str:
    """Say that a table would have too many partitions, and what to do."""
    return (
        f"The rows fall into at least {count:,} partitions, more than the {most:,} that a table may have: "
        "partition by fewer or coarser keys, as year() of a date, or raise HEADWATER_MAX_PARTITIONS."
    )
