"""A child: one life of one process, in a session of its own, with its output turned into lines."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from headwater.groups import Groups

_LEASH = Path(__file__).with_name("leash.py")
_LONGEST_LINE = 64 * 1024


class Child:
    """A running process; made by `start`, over when `wait` returns."""

    def __init__(self, process: asyncio.subprocess.Process, *, groups: Groups, output: _Lines) -> None:
        self._process = process
        self._groups = groups
        self._output = output
        self._started = time.monotonic()

    @classmethod
    async def start(cls, command: tuple[str, ...], *, environment: Mapping[str, str], line: Callable[[str], None], groups: Groups) -> Child:
        """Start a command; each line that it prints goes to `line`."""
        reader, writer = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), *command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                env={**os.environ, **environment},
                start_new_session=True,
            )
        finally:
            os.close(writer)
        groups.add(process.pid)
        output = _Lines(line)
        await asyncio.get_running_loop().connect_read_pipe(lambda: output, os.fdopen(reader, "rb", buffering=0))
        return cls(process, groups=groups, output=output)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def age_s(self) -> float:
        """Return how long ago it started."""
        return time.monotonic() - self._started

    async def wait(self) -> int:
        """Wait for the end, end whatever it left behind in its group, and return the exit code (negative: the signal)."""
        code = await self._process.wait()
        self._groups.end(self.pid)
        await self._output.finish()
        return code

    def terminate(self) -> None:
        """Ask it to stop."""
        if self._process.returncode is None:
            self._process.terminate()

    def kill(self) -> None:
        """End it and its whole group now."""
        if self._process.returncode is None:
            os.killpg(self.pid, signal.SIGKILL)


def describe_end(code: int) -> str:
    """Return what an exit code says, in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


class _Lines(asyncio.Protocol):
    """Cuts bytes into lines; one that never ends is cut too."""

    def __init__(self, line: Callable[[str], None]) -> None:
        self._line = line
        self._rest = b""
        self._transport: asyncio.BaseTransport | None = None
        self._closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._emit(line)
        if len(self._rest) >= _LONGEST_LINE:
            self._emit(self._rest)
            self._rest = b""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the base class's name
        if self._rest:
            self._emit(self._rest)
        self._closed.set()

    async def finish(self) -> None:
        """Wait a moment for the last bytes, then close."""
        try:
            await asyncio.wait_for(self._closed.wait(), timeout=1)
        except TimeoutError:
            if self._transport is not None:
                self._transport.close()

    def _emit(self, line: bytes) -> None:
        self._line(line.rstrip(b"\r").decode("utf-8", errors="replace"))
