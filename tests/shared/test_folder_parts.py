"""Parts in a folder: one writer at a time, durable parts, and no file closed under a thread that writes."""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.shared.errors import InsufficientStorage, StorageObjectMissing, UploadLocked
from services.shared.storage.folder_parts import FolderParts
from services.shared.storage.port import Part

UPLOAD = "upl_01k5w8h3v2e9fbnx0q4rtz7m6c"


@pytest.fixture
def parts(tmp_path: Path) -> FolderParts:
    """An empty folder."""
    return FolderParts(tmp_path / "raw")


def test_parts_are_read_as_one_stream(parts: FolderParts) -> None:
    """Cut parts carry offset, length and CRC; a stream over them reads and seeks across their borders."""

    async def write() -> list[Part]:
        async with parts.open_writer(UPLOAD, 0, wait_s=1) as writer:
            await writer.write([b"hello", b"", b" "])
            first = writer.cut()
            await writer.sync()
            await writer.write([b"world"] * 1000)
            second = writer.cut()
            await writer.sync()
            return [first, second]

    written = asyncio.run(write())
    assert written == [Part(0, 6, zlib.crc32(b"hello "), UPLOAD, 0), Part(6, 5000, zlib.crc32(b"world" * 1000), UPLOAD, 6)]
    with parts.open(written) as stream:
        assert stream.read() == b"hello " + b"world" * 1000
        stream.seek(4)
        assert stream.read(4) == b"o wo"
    assert list(parts.list_ids()) == [UPLOAD]
    parts.free(UPLOAD)
    parts.free(UPLOAD)
    with parts.open(written) as stream, pytest.raises(StorageObjectMissing):
        stream.read()


def test_second_writer_waits_and_gives_up(parts: FolderParts) -> None:
    """While one writer is open another gets UploadLocked after its time, and the file when the first is done."""

    async def fight() -> None:
        async with parts.open_writer(UPLOAD, 0, wait_s=1):
            with pytest.raises(UploadLocked):
                async with parts.open_writer(UPLOAD, 0, wait_s=0.1):
                    pass
        async with parts.open_writer(UPLOAD, 0, wait_s=0.1):
            pass

    asyncio.run(fight())


def test_stamp_tells_whether_another_wrote(parts: FolderParts) -> None:
    """A writer that comes back is let in if nobody wrote since, and refused otherwise."""

    async def come_back() -> None:
        async with parts.open_writer(UPLOAD, 0, wait_s=1) as writer:
            await writer.write([b"mine"])
            stamp = writer.stamp()
        await asyncio.sleep(0.05)
        async with parts.open_writer(UPLOAD, 4, wait_s=1, stamp=stamp):
            pass
        async with parts.open_writer(UPLOAD, 0, wait_s=1) as writer:
            await writer.write([b"your"])
        with pytest.raises(UploadLocked):
            async with parts.open_writer(UPLOAD, 4, wait_s=1, stamp=stamp):
                pass

    asyncio.run(come_back())


def test_cancelled_writer_never_writes_into_another_file(parts: FolderParts, tmp_path: Path) -> None:
    """A cancelled request closes its file only after its thread ended: a file opened next keeps its own bytes."""
    piece = b"x" * (8 << 20)

    async def cancelled(number: int) -> bytes:
        async def write() -> None:
            async with parts.open_writer(f"{UPLOAD}{number}", 0, wait_s=1) as writer:
                await writer.write([piece] * 4)

        task = asyncio.create_task(write())
        await asyncio.sleep(0.002 * number)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        other = tmp_path / "other"
        other.write_bytes(b"its own bytes")
        with other.open("rb+") as file:
            await asyncio.sleep(0.005)
            return file.read()

    for number in range(10):
        assert asyncio.run(cancelled(number)) == b"its own bytes"


def test_write_that_fails_leaves_the_part_before(parts: FolderParts, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is InsufficientStorage, and what was written before it still makes a part with the right CRC."""
    real = os.pwritev
    calls: Iterator[int] = iter(range(10))

    def full(handle: int, buffers: list[memoryview], offset: int) -> int:
        if next(calls) == 1:
            raise OSError(28, "No space left on device")
        return real(handle, buffers, offset)

    monkeypatch.setattr("services.shared.storage.folder_parts.os.pwritev", full)

    async def write() -> Part:
        async with parts.open_writer(UPLOAD, 0, wait_s=1) as writer:
            await writer.write([b"kept"])
            with pytest.raises(InsufficientStorage):
                await writer.write([b"lost"])
            await writer.sync()
            return writer.cut()

    assert asyncio.run(write()) == Part(0, 4, zlib.crc32(b"kept"), UPLOAD, 0)
