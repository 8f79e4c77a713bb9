"""The bytes of one request, received a little ahead of who reads them and never more."""

from __future__ import annotations

import asyncio
from types import TracebackType

from starlette.types import Receive

_AHEAD_BYTES = 256 * 1024


class BodyBroken(Exception):
    """The connection ended before the body did."""


class Body:
    """A request's body; receiving starts with the first read, so that a client which asks first (`Expect`) can be refused."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._pieces: list[bytes] = []
        self._held = 0
        self._ended = False
        self._broken = False
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Body:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._pump is not None and not self._pump.done():
            self._pump.cancel()
            await asyncio.wait({self._pump})

    async def read(self, timeout_s: float) -> list[bytes]:
        """Return the bytes that have arrived, or wait for the next; nothing is left at the end: `[]`.

        Raise TimeoutError if none came in time (nothing is lost; read again), BodyBroken once the rest of a broken body was read.
        """
        if self._pump is None:
            self._pump = asyncio.create_task(self._take())
        if not self._pieces and not self._over():
            self._news.clear()
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        pieces, self._pieces, self._held = self._pieces, [], 0
        self._room.set()
        if not pieces and self._broken:
            raise BodyBroken
        return pieces

    def _over(self) -> bool:
        return self._ended or self._broken

    async def _take(self) -> None:
        try:
            while not self._ended:
                message = await self._receive()
                if message["type"] != "http.request":
                    break
                piece = message.get("body", b"")
                self._ended = not message.get("more_body", False)
                if piece:
                    self._pieces.append(piece)
                    self._held += len(piece)
                    self._news.set()
                if self._held >= _AHEAD_BYTES:
                    self._room.clear()
                    await self._room.wait()
        finally:
            self._broken = not self._ended
            self._news.set()
