"""Raw uploads in a folder: all parts of an upload lie in one file, each at its offset.

One writer at a time holds the file's lock (`flock`, which the kernel frees when its process dies) while it writes a part,
syncs it and records it. So a stale connection can never write over bytes that were counted.
"""

from __future__ import annotations

import asyncio
import fcntl
import io
import os
import time
import zlib
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, cast

from services.shared.errors import StorageObjectMissing, UploadLocked
from services.shared.storage.port import Part, PartWriter

_RETRY_S = 0.02
_READ_BYTES = 1 << 20


class FolderParts:
    """Raw uploads as the files of one folder, named by the upload."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._root.mkdir(parents=True, exist_ok=True)

    @asynccontextmanager
    async def write_part(self, upload_id: str, offset: int, *, wait_s: float) -> AsyncIterator[PartWriter]:
        """Lock the upload's file and write from `offset` on."""
        handle = await asyncio.to_thread(os.open, self._root / upload_id, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            await _lock(handle, upload_id, wait_s)
            yield _FilePart(handle, upload_id, offset)
        finally:
            os.close(handle)

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


class _FilePart:
    def __init__(self, handle: int, upload_id: str, offset: int) -> None:
        self._handle = handle
        self._upload_id = upload_id
        self._offset = offset
        self._length = 0
        self._crc = 0

    async def write(self, data: bytes) -> None:
        await asyncio.to_thread(self._write, data)

    async def store(self) -> Part:
        await asyncio.to_thread(os.fdatasync, self._handle)
        return Part(self._offset, self._length, self._crc, self._upload_id, self._offset)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        at = self._offset + self._length
        while view:
            written = os.pwrite(self._handle, view, at)
            view = view[written:]
            at += written
        self._crc = zlib.crc32(data, self._crc)
        self._length += len(data)


async def _lock(handle: int, upload_id: str, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise UploadLocked(f"Another request writes to the upload {upload_id}.", headers={"Retry-After": "1"}) from error
        await asyncio.sleep(_RETRY_S)


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
