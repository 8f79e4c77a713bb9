"""Distribute: spilled rows to the files of their partitions, each partition's in one go, from checkpoint to checkpoint.

Two threads write, one partition each, so memory is two row groups, however many partitions there are. What is spilled is bounded, too: the
conversion pauses when it has spilled `SPILL_BYTES`, and goes on behind the distribution; a partition has one more file for each time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import pyarrow as pa

from services.shared.errors import TooManyPartitions
from services.shared.jobs.run import StopRequested
from services.worker.publish.convert import Save
from services.worker.publish.converted import Converted, DataFile
from services.worker.publish.partition import too_many
from services.worker.publish.spill_file import Spilled
from services.worker.publish.table_file import TableFile, WrittenFile
from services.worker.publish.work import Sizes, Work

SPILL_BYTES = 32 << 30
_WRITERS = 2
_AHEAD = 4
_SAVE_EVERY_S = 5.0


@dataclass(frozen=True)
class _Done:
    """A partition whose files are finished."""

    folder: str
    files: tuple[WrittenFile, ...]


def distribute(work: Work, *, start: Converted, check: Callable[[], None], save: Save, enough: Callable[[], bool] = lambda: False) -> Converted:
    """Go on from `start`; return the whole with nothing spilled, or what is done when `enough` says so."""
    done, saved_at = start, monotonic()
    with Spilled(work.storage, [file.key for file in start.spilled]) as spilled:
        partitions = work.plan.partitions
        if partitions is not None and len(spilled.folders) > partitions.most:
            raise TooManyPartitions(too_many(len(spilled.folders), partitions.most))
        folders = [folder for folder in spilled.folders if start.distributed is None or folder > start.distributed]
        try:
            with closing(_written(work, spilled, folders, f"{work.prefix}{len(start.files):06d}-")) as written:
                for partition in written:
                    done = _with(done, partition, work)
                    check()
                    if enough():
                        save(done)
                        return done
                    if monotonic() - saved_at >= _SAVE_EVERY_S:
                        save(done)
                        saved_at = monotonic()
        except (StopRequested, SystemExit):
            save(done)
            raise
    whole = replace(done, spilled=(), distributed=None)
    save(whole)
    for file in start.spilled:
        work.storage.delete_prefix(file.key.rsplit("/", 1)[0] + "/")
    return whole


def _written(work: Work, spilled: Spilled, folders: Sequence[str], stem: str) -> Generator[_Done]:
    """Yield the partitions in order, written by threads that are a few ahead."""
    waiting: deque[Future[_Done]] = deque()
    pool = ThreadPoolExecutor(_WRITERS, thread_name_prefix="partition")
    try:
        for number, folder in enumerate(folders):
            waiting.append(pool.submit(_write, work, spilled, folder, f"{stem}{number:06d}-"))
            if len(waiting) >= _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _write(work: Work, spilled: Spilled, folder: str, stem: str) -> _Done:
    """Write one partition's files."""
    files: list[WrittenFile] = []
    file: TableFile | None = None
    try:
        for table in _row_groups(spilled.read(folder), work.sizes):
            if file is None:
                file = work.format.begin(work.storage, f"{stem}{len(files):03d}{work.format.suffix}", work.plan.stored)
            file.write(table)
            if file.size >= work.sizes.file_bytes:
                files.append(file.finish())
                file = None
        if file is not None:
            files.append(file.finish())
    except BaseException:
        if file is not None:
            file.abandon()
        raise
    return _Done(folder, tuple(files))


def _row_groups(batches: Iterator[Any], sizes: Sizes) -> Iterator[Any]:
    group: list[Any] = []
    rows = size = 0
    for batch in batches:
        group.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= sizes.row_group_rows or size >= sizes.row_group_bytes:
            yield pa.Table.from_batches(group)
            group, rows, size = [], 0, 0
    if group:
        yield pa.Table.from_batches(group)


def _with(done: Converted, partition: _Done, work: Work) -> Converted:
    places = work.plan.stored_places
    column_bytes = list(done.column_bytes)
    for file in partition.files:
        for place, size in zip(places, file.column_bytes, strict=True):
            column_bytes[place] += size
    files = tuple(DataFile(file.key, file.rows, file.bytes, partition.folder) for file in partition.files)
    return replace(done, files=done.files + files, column_bytes=tuple(column_bytes), distributed=partition.folder)
