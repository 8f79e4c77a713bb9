"""A TCP proxy with faults that a test turns on and off: latency, reset, black hole, a cut after so many bytes, refusal."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

_CHUNK = 64 * 1024
_AT_ONCE = 64
_CALL_S = 10
_NO_LINGER = struct.pack("ii", 1, 0)
T = TypeVar("T")


class Proxy:
    """Listens on a loopback port of its own and passes everything on to `target`; each fault holds until the next call or `heal`."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._links: set[Link] = set()
        self._flowing = asyncio.Event()
        self._latency_s = 0.0
        self._cut_after: int | None = None
        self._resetting = False

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._call(self._listen())
        self.heal()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def heal(self) -> None:
        """Pass everything on again; what a black hole held back arrives now, as TCP would send it again."""
        self._call(self._set())

    def delay(self, latency_s: float) -> None:
        """Let each answer arrive so much later."""
        self._call(self._set(latency_s=latency_s))

    def swallow(self) -> None:
        """Be a black hole: connections are accepted and stay open, and nothing gets through."""
        self._call(self._set(flowing=False))

    def refuse(self) -> None:
        """Reset what is connected and accept no more."""
        self._call(self._set(listening=False))

    def reset(self, *, for_good: bool = False) -> int:
        """Reset every connection, and with `for_good` each new one at its first byte; return how many were reset."""
        return self._call(self._reset(for_good))

    def cut_after(self, count: int) -> None:
        """Reset each new connection after it has passed on so many bytes of its client."""
        self._call(self._set(cut_after=count))

    def forget(self) -> int:
        """Let the connections of now be half open for ever: neither side hears of the other again. Return how many."""
        return self._call(self._forget())

    def _call(self, act: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(act, self._loop).result(_CALL_S)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _set(self, *, latency_s: float = 0, flowing: bool = True, listening: bool = True, cut_after: int | None = None) -> None:
        self._latency_s, self._cut_after, self._resetting = latency_s, cut_after, False
        (self._flowing.set if flowing else self._flowing.clear)()
        if listening and self._server is None:
            await self._listen()
        if not listening and self._server is not None:
            self._server.close()
            self._server = None
            await self._reset(for_good=False)

    async def _reset(self, for_good: bool) -> int:
        links = list(self._links)
        for link in links:
            link.reset()
        self._resetting = for_good
        return len(links)

    async def _forget(self) -> int:
        for link in self._links:
            link.flowing = asyncio.Event()
        return len(self._links)

    async def _close(self) -> None:
        await self._set(listening=False)
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer, flowing=self._flowing, cut_after=self._cut_after)
        self._links.add(link)
        try:
            await link.run(self.target, lambda: self._latency_s, lambda: self._resetting)
        finally:
            self._links.discard(link)


class Link:
    """One connection through the proxy, in both directions."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, flowing: asyncio.Event, cut_after: int | None) -> None:
        self.flowing = flowing
        self._client = (reader, writer)
        self._writers = [writer]
        self._left = cut_after

    def reset(self) -> None:
        """End both connections with RST, so that both sides see an error and not an end."""
        for writer in self._writers:
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            writer.transport.abort()

    async def run(self, target: int, latency_s: Callable[[], float], resetting: Callable[[], bool]) -> None:
        """Pass bytes on until both sides have ended or a fault resets them."""
        reader, writer = self._client
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", target)
            self._writers.append(server_writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(self._counted(reader, resetting), server_writer, lambda: 0.0))
                both.create_task(self._pump(_chunks(server_reader), writer, latency_s))
        except* (OSError, asyncio.CancelledError):
            self.reset()
        finally:
            for end in self._writers:
                end.close()

    async def _counted(self, reader: asyncio.StreamReader, resetting: Callable[[], bool]) -> AsyncIterator[bytes]:
        async for chunk in _chunks(reader):
            if resetting():
                raise ConnectionResetError
            if self._left is None:
                yield chunk
                continue
            yield chunk[: self._left]
            self._left -= len(chunk)
            if self._left <= 0:
                raise ConnectionResetError

    async def _pump(self, chunks: AsyncIterator[bytes], writer: asyncio.StreamWriter, latency_s: Callable[[], float]) -> None:
        """Write what is read, so much later; reading goes on meanwhile, because latency is not a limit of throughput."""
        clock = asyncio.get_running_loop().time
        waiting: asyncio.Queue[tuple[float, bytes | None]] = asyncio.Queue(_AT_ONCE)

        async def read() -> None:
            try:
                async for chunk in chunks:
                    await waiting.put((clock() + latency_s(), chunk))
            except ConnectionResetError:
                await waiting.put((0.0, None))
            else:
                await waiting.put((0.0, b""))

        reading = asyncio.create_task(read())
        try:
            while True:
                due, chunk = await waiting.get()
                await asyncio.sleep(max(0.0, due - clock()))
                await self.flowing.wait()
                if chunk is None:
                    raise ConnectionResetError
                if not chunk:
                    break
                writer.write(chunk)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
        finally:
            reading.cancel()


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while chunk := await reader.read(_CHUNK):
        yield chunk
