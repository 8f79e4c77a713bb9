"""Raw uploads in a folder: all parts of an upload lie in one file, each at its offset.

One writer at a time holds the file's lock (`flock`, which the kernel frees when its process dies) while it writes parts,
syncs them and records them. So a stale connection can never write over bytes that were counted.
"""

from __future__ import annotations

import asyncio
import fcntl
import io
import os
import time
import zlib
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, cast

from services.shared.errors import StorageObjectMissing, UploadLocked
from services.shared.storage.folder import sync_folder
from services.shared.storage.port import Part, PartsWriter
from services.shared.storage.room import disk_full, is_disk_full
from services.shared.uncancelled import uncancelled

_RETRY_S = 0.02
_READ_BYTES = 1 << 20
_THREADS = 16
_VECTORS = 512


class FolderParts:
    """Raw uploads as the files of one folder, named by the upload."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._root.mkdir(parents=True, exist_ok=True)
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="parts")

    @asynccontextmanager
    async def open_writer(self, upload_id: str, offset: int, *, wait_s: float, stamp: int | None = None) -> AsyncIterator[PartsWriter]:
        """Lock the upload's file and write from `offset` on."""
        writer = _FileWriter(self._root / upload_id, offset, self._threads)
        try:
            await writer.lock(wait_s)
            if stamp not in (None, writer.stamp()):
                raise UploadLocked(f"Another request wrote to the upload {upload_id}.", headers={"Retry-After": "1"})
            yield writer
        finally:
            await writer.close()

    def open(self, parts: Sequence[Part]) -> BinaryIO:
        """Open a stream over the parts, wherever they lie."""
        return cast(BinaryIO, io.BufferedReader(_PartsReader(self._root, parts), _READ_BYTES))

    def free(self, upload_id: str) -> None:
        """Delete the upload's file."""
        (self._root / upload_id).unlink(missing_ok=True)

    def list_ids(self) -> Iterator[str]:
        """Yield the names of the files."""
        for entry in os.scandir(self._root):
            yield entry.name


class _FileWriter:
    """Writes in threads, one write and one sync at a time; a write that fails leaves the part as it was before."""

    def __init__(self, path: Path, offset: int, threads: ThreadPoolExecutor) -> None:
        self._path = path
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._threads = threads
        self._running: set[asyncio.Future[None]] = set()
        self._new = offset == 0
        self._start = offset
        self._length = 0
        self._crc = 0

    async def lock(self, wait_s: float) -> None:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise UploadLocked(f"Another request writes to the upload {self._path.name}.", headers={"Retry-After": "1"}) from error
            await asyncio.sleep(_RETRY_S)

    async def write(self, pieces: Sequence[bytes]) -> None:
        await self._in_thread(lambda: self._write(pieces))

    def cut(self) -> Part:
        part = Part(self._start, self._length, self._crc, self._path.name, self._start)
        self._start += self._length
        self._length = self._crc = 0
        return part

    async def sync(self) -> None:
        await self._in_thread(self._sync)

    def stamp(self) -> int:
        return os.fstat(self._handle).st_mtime_ns

    async def close(self) -> None:
        """Close the file once no thread works on it: its number may be another file's the next moment."""
        try:
            while self._running:
                await uncancelled(asyncio.wait(self._running))
        finally:
            os.close(self._handle)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        running = asyncio.get_running_loop().run_in_executor(self._threads, work)
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        await uncancelled(running)

    def _write(self, pieces: Sequence[bytes]) -> None:
        crc, length = self._crc, self._length
        for piece in pieces:
            crc = zlib.crc32(piece, crc)
        views = [memoryview(piece) for piece in pieces if piece]
        try:
            while views:
                written = os.pwritev(self._handle, views[:_VECTORS], self._start + length)
                length += written
                while views and written >= len(views[0]):
                    written -= len(views.pop(0))
                if written:
                    views[0] = views[0][written:]
        except OSError as error:
            raise _translated(error) from error
        self._crc, self._length = crc, length

    def _sync(self) -> None:
        try:
            os.fdatasync(self._handle)
            if self._new:
                sync_folder(self._path.parent)
                self._new = False
        except OSError as error:
            raise _translated(error) from error


def _translated(error: OSError) -> Exception:
    return disk_full() if is_disk_full(error) else error


class _PartsReader(io.RawIOBase):
    """A seekable raw stream over contiguous parts; adjacent parts of one file are read as one run."""

    def __init__(self, root: Path, parts: Sequence[Part]) -> None:
        self._root = root
        self._runs = _runs(parts)
        self._starts = [run.offset for run in self._runs]
        self._size = parts[-1].offset + parts[-1].length if parts else 0
        self._position = 0
        self._files: dict[str, io.FileIO] = {}

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative position: {base + offset}")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._position >= self._size or not len(buffer):
            return 0
        run = self._runs[bisect_right(self._starts, self._position) - 1]
        within = self._position - run.offset
        wanted = min(len(buffer), run.length - within)
        file = self._file(run.source_id)
        file.seek(run.source_offset + within)
        count = file.readinto(memoryview(buffer)[:wanted])
        if not count:
            raise StorageObjectMissing(f"The upload {run.source_id} has fewer bytes than its record says.")
        self._position += count
        return count

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()
        super().close()

    def _file(self, source_id: str) -> io.FileIO:
        if source_id not in self._files:
            try:
                self._files[source_id] = io.FileIO(self._root / source_id, "rb")
            except FileNotFoundError as error:
                raise StorageObjectMissing(f"The bytes of the upload {source_id} are gone.") from error
        return self._files[source_id]


def _runs(parts: Sequence[Part]) -> list[Part]:
    runs: list[Part] = []
    for part in parts:
        last = runs[-1] if runs else None
        if last and last.source_id == part.source_id and last.source_offset + last.length == part.source_offset:
            runs[-1] = Part(last.offset, last.length + part.length, last.crc32, last.source_id, last.source_offset)
        else:
            runs.append(part)
    return runs
