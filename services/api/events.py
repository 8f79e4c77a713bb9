"""What many clients follow or poll at once: one reader a resource in this process, and server-sent events from it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from services.api.answers import etag_of
from services.api.stop import Stop

_POLL_S = 0.4  # at the longest: what has just changed is looked at sooner
_SOON_S = 0.02
_KEPT_S = 0.2
_MOST = 256
_COMMENT_S = 15.0


@dataclass(frozen=True)
class Snapshot:
    """What a GET of the resource answers now, and whether that is its last word."""

    content: bytes
    final: bool


@dataclass(frozen=True)
class Resource:
    """What is followed: the name of its events, its key, and how it is read (in a thread)."""

    event: str
    key: str
    read: Callable[[], Snapshot]


class Feed:
    """Follows resources until they end, or this process does."""

    def __init__(self, stop: Stop, stamp: Callable[[], int | None]) -> None:
        self._stop = stop
        self._stamp = stamp
        self._kept: dict[str, _Kept] = {}
        self._reading: dict[str, asyncio.Lock] = {}

    async def response(self, resource: Resource, *, last_event_id: str | None) -> StreamingResponse:
        """Return the stream of a resource's states, or raise what reading it raises."""
        await self.latest(resource)
        headers = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._follow(resource, last_event_id), headers=headers, media_type="text/event-stream")

    async def _follow(self, resource: Resource, last_event_id: str | None) -> AsyncIterator[bytes]:
        known = f'"{last_event_id.strip(chr(34))}"' if last_event_id else None
        spoken = time.monotonic()
        while not self._stop.asked:
            snapshot = await self.latest(resource)
            etag = etag_of(snapshot.content)
            if etag != known:
                known, spoken = etag, time.monotonic()
                yield b"id: " + etag.encode() + b"\nevent: " + resource.event.encode() + b"\ndata: " + snapshot.content + b"\n\n"
            elif time.monotonic() - spoken >= _COMMENT_S:
                spoken = time.monotonic()
                yield b": still here\n\n"
            if snapshot.final:
                return
            await asyncio.sleep(min(_POLL_S, max(_SOON_S, (time.monotonic() - spoken) / 10)))

    async def latest(self, resource: Resource) -> Snapshot:
        """Return what the resource answers: kept for a fraction of a second for all who ask, while nothing is written to the records."""
        lock = self._reading.setdefault(resource.key, asyncio.Lock())
        try:
            async with lock:
                stamp = self._stamp()
                kept = self._kept.get(resource.key)
                if kept is None or kept.stamp != stamp or time.monotonic() - kept.at > _KEPT_S:
                    snapshot = await run_in_threadpool(resource.read)
                    kept = self._kept[resource.key] = _Kept(snapshot, time.monotonic(), stamp)
        finally:
            self._forget(resource.key)
        return kept.snapshot

    def _forget(self, key: str) -> None:
        """Drop the lock of what is not there, and now and then what nobody asked for again."""
        lock = self._reading.get(key)
        if lock is not None and key not in self._kept and not lock.locked():
            del self._reading[key]
        if len(self._kept) < _MOST:
            return
        for each in [each for each, kept in self._kept.items() if time.monotonic() - kept.at > _KEPT_S]:
            del self._kept[each]
            if not self._reading[each].locked():
                del self._reading[each]


@dataclass(frozen=True)
class _Kept:
    snapshot: Snapshot
    at: float
    stamp: int | None
