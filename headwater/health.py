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


def http_ok(port: int, path: str) -> Health:
    """Return a check that a GET on loopback answers 200."""

    def ask() -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_ANSWER_S)
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
    """Pings all Celery nodes at once from a short-lived process, and shares the answers among the checks that wait."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._turn = asyncio.Lock()
        self._rounds = 0
        self._answered: frozenset[str] = frozenset()

    def answers(self, name: str) -> Health:
        """Return a check that the node `name` of this machine answers."""
        node = f"{name}@{socket.gethostname()}"

        async def check() -> bool:
            asked_at = self._rounds
            async with self._turn:
                if self._rounds == asked_at:
                    self._answered = await self._ping()
                    self._rounds += 1
            return node in self._answered

        return check

    async def _ping(self) -> frozenset[str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "headwater.monitor"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(self._environment),
        )
        try:
            answer, _ = await asyncio.wait_for(process.communicate(), timeout=_ROUND_S)
        except TimeoutError:
            return frozenset()
        finally:
            if process.returncode is None:
                process.kill()
        return frozenset(answer.decode().split())
