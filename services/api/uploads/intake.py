"""The way in: one request's body becomes durable parts of one upload, at constant memory.

While bytes flow the request holds the upload's lock, writes a part and syncs the one before it. A part counts once it is
durable and recorded. When nothing arrives for a part's time, what is there becomes a short part and the lock is let go;
the next bytes take it again, and the recorded offset is checked under it. A broken connection keeps its last piece.
With a checksum nothing is recorded until the whole body matches; if another request writes meanwhile, this one is refused.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractAsyncContextManager

from services.api.stop import Stop
from services.api.uploads import record
from services.api.uploads.body import Body
from services.api.uploads.checksum import Checksum
from services.api.uploads.record import PROFILE_FROM_BYTES, Actor
from services.shared.errors import Unavailable, UploadIdle, UploadNotReceiving, UploadTooLarge
from services.shared.records.uploads import Upload, UploadState, mismatch
from services.shared.storage.port import Part, PartsWriter
from services.shared.uncancelled import uncancelled


class Intake:
    """Takes one body."""

    def __init__(self, actor: Actor, upload: Upload, stop: Stop, *, checksum: Checksum | None = None) -> None:
        self._actor = actor
        self._settings = actor.services.settings
        self._stop = stop
        self._checksum = checksum
        self._upload = upload
        self._start = upload.offset
        self._position = upload.offset
        self._pending: list[Part] = []
        self._stamp: int | None = None
        self._commit: asyncio.Task[None] | None = None

    async def take(self, body: Body) -> Upload:
        """Store the whole body and return the upload as it is then; raise BodyBroken if the connection ends first."""
        flow: list[bytes] | None = await self._wait(body)
        while flow:
            async with self._lock() as writer:
                await self._check_start()
                flow = await self._fill(writer, body, flow)
                self._stamp = writer.stamp() if self._checksum else None
            if flow is None:
                flow = await self._wait(body)
        await self._verify()
        return await self._finish()

    def check_size(self, more: int) -> None:
        """Raise UploadTooLarge if so many more bytes are too many."""
        end = self._position + more
        record.check_size(self._actor.services, end)
        if self._upload.size is not None and end > self._upload.size:
            raise UploadTooLarge(f"The upload {self._upload.id} has the length {self._upload.size}; the body goes on to {end} at least.")

    def _lock(self) -> AbstractAsyncContextManager[PartsWriter]:
        parts = self._actor.services.parts
        return parts.open_writer(self._upload.id, self._position, wait_s=self._settings.upload_lock_s, stamp=self._stamp)

    async def _wait(self, body: Body) -> list[bytes]:
        """Wait for bytes without the lock; `[]` is the body's end."""
        deadline = time.monotonic() + self._settings.upload_idle_s
        while True:
            try:
                return await body.read(min(self._settings.part_seconds, self._settings.upload_idle_s))
            except TimeoutError as error:
                if time.monotonic() >= deadline:
                    raise UploadIdle(f"Nothing arrived for {self._settings.upload_idle_s:g} s; what was stored stays.") from error
            self._obey_stop()

    async def _check_start(self) -> None:
        """Look, under the lock, whether the upload still stands where this request goes on."""
        self._upload = await asyncio.to_thread(record.get_open, self._actor, self._upload.id)
        stands = self._start if self._checksum else self._position
        if self._upload.offset != stands:
            raise mismatch(self._upload, stands)
        if self._upload.state is not UploadState.RECEIVING:
            raise UploadNotReceiving(f"The upload {self._upload.id} is {self._upload.state} and takes no more bytes.")
        await self._check_room()

    async def _fill(self, writer: PartsWriter, body: Body, pieces: list[bytes]) -> list[bytes] | None:
        """Write parts until the body ends (`[]`) or stalls (None); whatever ends it, the bytes written are stored."""
        length, until = 0, self._part_until()
        try:
            while pieces:
                arrived = sum(map(len, pieces))
                self.check_size(length + arrived)
                await self._write(writer, pieces)
                length += arrived
                if length >= self._part_bytes() or time.monotonic() >= until:
                    await self._cut(writer)
                    self._obey_stop()
                    await self._check_room()
                    length, until = 0, self._part_until()
                pieces = await body.read(max(0.0, until - time.monotonic()))
        except TimeoutError:
            return None
        finally:
            await self._cut(writer)
            await self._committed()
        return pieces

    async def _write(self, writer: PartsWriter, pieces: list[bytes]) -> None:
        if self._checksum is None:
            await writer.write(pieces)
        else:
            await asyncio.gather(writer.write(pieces), asyncio.to_thread(self._checksum.update, pieces))

    async def _cut(self, writer: PartsWriter) -> None:
        """End the part; its syncing goes on beside the next part, but never two at once."""
        part = writer.cut()
        if part.length:
            self._position += part.length
            await self._committed()
            self._commit = asyncio.create_task(self._count(writer, part))

    async def _count(self, writer: PartsWriter, part: Part) -> None:
        await writer.sync()
        if self._checksum is None:
            self._upload = await asyncio.to_thread(record.grow, self._actor, self._upload.id, [part])
        else:
            self._pending.append(part)

    async def _committed(self) -> None:
        """Wait until the part before is recorded: its bytes must not be let go of while that is open."""
        if self._commit is not None:
            commit, self._commit = self._commit, None
            await uncancelled(commit)

    async def _verify(self) -> None:
        """Let the pending parts count if the body had its checksum and no one else wrote since."""
        if self._checksum is None:
            return
        self._checksum.verify()
        if self._pending:
            async with self._lock():
                await self._check_start()
                counting = asyncio.to_thread(record.grow, self._actor, self._upload.id, self._pending)
                self._upload = await uncancelled(counting)

    async def _finish(self) -> Upload:
        """Complete what no part completes: a body of unknown length, or an upload of no bytes."""
        unknown = self._upload.one_shot and self._upload.size is None
        if self._upload.state is UploadState.RECEIVING and (unknown or self._upload.size == self._upload.offset):
            return await asyncio.to_thread(lambda: record.grow(self._actor, self._upload.id, (), ended=unknown))
        return self._upload

    def _part_until(self) -> float:
        return time.monotonic() + self._settings.part_seconds

    def _part_bytes(self) -> int:
        """Return how long a part should be; the first is just what a profile needs to start."""
        missing = PROFILE_FROM_BYTES - self._position
        return missing if missing > 0 else self._settings.part_bytes

    async def _check_room(self) -> None:
        await asyncio.to_thread(record.check_room, self._actor.services, more=0, beside_awaited=self._upload.size is None)

    def _obey_stop(self) -> None:
        if self._stop.asked and not self._upload.one_shot:
            raise Unavailable("The server is stopping; go on where the upload stands.", headers={"Retry-After": "1"})
