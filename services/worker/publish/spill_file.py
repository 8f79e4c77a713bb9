"""Spill files: what a conversion writes of a partitioned table, sorted into partitions chunk by chunk, until `distribute` makes its files.

A spill file is Arrow IPC (lz4), one batch for each partition of each chunk; beside it lies the list of the batches' folders.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import pyarrow as pa

from services.shared.storage.port import Storage
from services.worker.publish.partition import Partitions
from services.worker.publish.table_file import WrittenFile
from services.worker.unfinished import Unfinished

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class SpillFile:
    """A spill file being written; it counts once its list is there too."""

    def __init__(self, storage: Storage, key: str, partitions: Partitions) -> None:
        self._storage, self._partitions = storage, partitions
        self._file = Unfinished(storage, key)
        self._writer: Any = None
        self._folders: list[str] = []
        self._rows = 0

    @property
    def size(self) -> int:
        """How many bytes are written so far."""
        return self._file.size

    def write(self, table: Any) -> None:
        """Write rows, partition by partition."""
        for folder, batch in self._partitions.split(table):
            if self._writer is None:
                self._writer = pa.ipc.new_file(self._file.stream, batch.schema, options=_OPTIONS)
            self._writer.write_batch(batch)
            self._folders.append(folder)
        self._rows += table.num_rows

    def finish(self) -> WrittenFile:
        """End the file and write its list."""
        self._writer.close()
        size = self._file.finish()
        with self._storage.open_write(_list_key(self._file.key)) as listed:
            listed.write(json.dumps(self._folders).encode())
        return WrittenFile(self._file.key, self._rows, size, ())

    def abandon(self) -> None:
        """Leave nothing behind."""
        if self._writer is not None:
            with suppress(pa.ArrowException, OSError):
                self._writer.close()
        self._file.abandon()


class Spilled:
    """The spilled rows of several files, read partition by partition, from any thread."""

    def __init__(self, storage: Storage, keys: Sequence[str]) -> None:
        self._storage, self._keys = storage, keys
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._places: dict[str, list[tuple[int, int]]] = {}
        self._readers: list[Any] = []

    def __enter__(self) -> Spilled:
        with ExitStack() as opening:
            for number, key in enumerate(self._keys):
                self._readers.append(pa.ipc.open_file(opening.enter_context(self._storage.open_read(key))))
                with self._storage.open_read(_list_key(key)) as listed:
                    for batch, folder in enumerate(json.load(listed)):
                        self._places.setdefault(folder, []).append((number, batch))
            self._stack = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def folders(self) -> list[str]:
        """The partitions' folders, in order."""
        return sorted(self._places)

    def read(self, folder: str) -> Iterator[Any]:
        """Yield the batches of a partition, in the order they were written."""
        for number, batch in self._places[folder]:
            with self._lock:
                rows = self._readers[number].get_batch(batch)
            yield rows


def _list_key(key: str) -> str:
    return f"{key}.folders.json"
