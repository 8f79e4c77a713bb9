"""Process groups: each child leads one, and none outlives the supervisor, because the guard knows them all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

_GUARD = Path(__file__).with_name("guard.py")


class Groups:
    """The living process groups, told to a guard; a guard that was killed is replaced."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._guard: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the guard and keep it."""
        self._guard = await self._spawn()
        self._keeper = asyncio.create_task(self._keep(self._guard))

    def add(self, group: int) -> None:
        """Put a new process group on the list."""
        self._groups.add(group)
        self._tell(f"+{group}\n")

    def end(self, group: int) -> None:
        """Kill what is left of a process group whose leader is gone, and take it off the list."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    async def stop(self) -> None:
        """Let the guard see the end; it ends what is left, and then itself."""
        if self._keeper is not None:
            self._keeper.cancel()
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            await self._guard.wait()

    def _tell(self, line: str) -> None:
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.write(line.encode())

    async def _keep(self, guard: asyncio.subprocess.Process) -> None:
        while True:
            await guard.wait()
            self._guard = guard = await self._spawn()

    async def _spawn(self) -> asyncio.subprocess.Process:
        quiet = asyncio.subprocess.DEVNULL
        command = (sys.executable, "-I", "-S", str(_GUARD))
        guard = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True)
        if guard.stdin is not None:
            guard.stdin.write("".join(f"+{group}\n" for group in self._groups).encode())
        return guard
