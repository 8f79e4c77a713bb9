"""Health: how the supervisor sees that a service answers, without loading what the service loads."""

from __future__ import annotations

import asyncio
import http.client
import socket
import sys
from collections.abc import Mapping

from headwater.ports import LOOPBACK
from headwater.service import Health

_ANSWER_S = 3.0
_ROUND_S = 30.0


def http_ok(port: int, path: str, *, host: str = LOOPBACK) -> Health:
    """Return a check that a GET answers 200."""

    def ask() -> bool:
        connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    async def check() -> bool:
        return await asyncio.to_thread(ask)

    return check


class NodePings:
    """Pings all Celery nodes at once from another process, which lives while checks wait, and shares each round's answers."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._turn = asyncio.Lock()
        self._wanted: set[str] = set()
        self._rounds = 0
        self._answered: frozenset[str] = frozenset()
        self._process: asyncio.subprocess.Process | None = None

    def answers(self, name: str) -> Health:
        """Return a check that the node `name` of this machine answers."""
        node = f"{name}@{socket.gethostname()}"

        async def check() -> bool:
            self._wanted.add(node)
            asked_at = self._rounds
            async with self._turn:
                if self._rounds == asked_at:
                    self._answered = await self._round()
                    self._rounds += 1
                if node in self._answered:
                    self._wanted.discard(node)
                if not self._wanted:
                    await self._close()
            return node in self._answered

        return check

    async def _round(self) -> frozenset[str]:
        try:
            async with asyncio.timeout(_ROUND_S):
                process = self._process = self._process or await self._spawn()
                if process.stdin is None or process.stdout is None:
                    return frozenset()
                process.stdin.write(b"\n")
                line = await process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            await self._close()
        return frozenset(line.decode().split())

    async def _spawn(self) -> asyncio.subprocess.Process:
        pipe, quiet = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        command = (sys.executable, "-m", "headwater.monitor")
        return await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=quiet, env=dict(self._environment))

    async def _close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.communicate()
