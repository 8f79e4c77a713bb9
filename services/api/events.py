"""Server-sent events: one reader a resource in this process, however many clients follow it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from services.api.answers import etag_of
from services.api.stop import Stop

_POLL_S = 0.4
_KEPT_S = 0.3
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

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._kept: dict[str, tuple[float, Snapshot]] = {}
        self._reading: dict[str, asyncio.Lock] = {}

    def response(self, resource: Resource, *, last_event_id: str | None) -> StreamingResponse:
        """Return the stream of a resource's states."""
        headers = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._follow(resource, last_event_id), headers=headers, media_type="text/event-stream")

    async def _follow(self, resource: Resource, last_event_id: str | None) -> AsyncIterator[bytes]:
        known = f'"{last_event_id.strip(chr(34))}"' if last_event_id else None
        spoken = time.monotonic()
        while not self._stop.asked:
            snapshot = await self._latest(resource)
            etag = etag_of(snapshot.content)
            if etag != known:
                known, spoken = etag, time.monotonic()
                yield b"id: " + etag.encode() + b"\nevent: " + resource.event.encode() + b"\ndata: " + snapshot.content + b"\n\n"
            elif time.monotonic() - spoken >= _COMMENT_S:
                spoken = time.monotonic()
                yield b": still here\n\n"
            if snapshot.final:
                return
            await asyncio.sleep(_POLL_S)

    async def _latest(self, resource: Resource) -> Snapshot:
        lock = self._reading.setdefault(resource.key, asyncio.Lock())
        async with lock:
            at, kept = self._kept.get(resource.key, (0.0, None))
            if kept is None or time.monotonic() - at > _KEPT_S:
                kept = await run_in_threadpool(resource.read)
                self._kept[resource.key] = (time.monotonic(), kept)
                self._forget()
        return kept

    def _forget(self) -> None:
        old = [key for key, (at, _) in self._kept.items() if time.monotonic() - at > _COMMENT_S]
        for key in old:
            del self._kept[key]
            if not self._reading[key].locked():
                del self._reading[key]
