"""A keeper: keeps one service running, from its first start through every death to its stop."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from headwater.child import Child, describe_end
from headwater.errors import CannotStart
from headwater.groups import Groups
from headwater.journal import Journal
from headwater.service import Patience, Service

_DEATHS_AT_START = 3


class Keeper:
    """Starts a child again when it dies, after a pause that doubles until a child has settled."""

    def __init__(self, service: Service, *, run_folder: Path, journal: Journal, groups: Groups, patience: Patience) -> None:
        self.service = service
        self._pid_file = run_folder / f"{service.name}.pid"
        self._journal = journal
        self._groups = groups
        self._patience = patience
        self._child: Child | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._deaths = 0
        self._ready = asyncio.Event()
        self._last_end = ""

    async def start(self) -> None:
        """Start the service and return when it answers; raise CannotStart if it doesn't."""
        if self.service.healthy is None:
            await self._run_once()
            return
        self._task = asyncio.create_task(self._keep())
        given_up = asyncio.create_task(self._give_up())
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait((given_up, ready), return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                given_up.result()
        finally:
            given_up.cancel()
            ready.cancel()

    def ask_to_stop(self) -> None:
        """Send SIGTERM, and start nothing any more."""
        self._stopping.set()
        if self._child is not None:
            self._child.terminate()

    def kill(self) -> bool:
        """End what has not stopped; return whether there was anything."""
        if self._child is None:
            return False
        self._child.kill()
        return True

    async def stopped(self) -> None:
        """Wait until no process of the service is left."""
        if self._task is not None:
            await asyncio.wait((self._task,))

    async def _run_once(self) -> None:
        child = await self._spawn()
        try:
            code = await asyncio.wait_for(child.wait(), timeout=self._patience.start_timeout_s)
        except TimeoutError:
            await self._end(child)
            raise self._cannot_start(f"did not finish within {self._patience.start_timeout_s:g} s") from None
        except asyncio.CancelledError:
            await self._end(child)
            raise
        finally:
            self._forget()
        if code != 0:
            raise self._cannot_start(describe_end(code))

    async def _end(self, child: Child) -> None:
        child.kill()
        await child.wait()

    async def _keep(self) -> None:
        pause_s = self._patience.first_pause_s
        while not self._stopping.is_set():
            age_s = await self._live()
            if self._stopping.is_set():
                self._journal.say(f"{self.service.name} {self._last_end}")
                return
            self._deaths += 1
            if age_s >= self._patience.settled_s:
                pause_s = self._patience.first_pause_s
            self._journal.say(f"{self.service.name} {self._last_end} after {age_s:.1f} s; starting it again in {pause_s:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), timeout=pause_s)
            pause_s = min(pause_s * 2, self._patience.longest_pause_s)

    async def _live(self) -> float:
        """Run one life of the service; return how many seconds it lasted."""
        try:
            child = await self._spawn()
        except OSError as error:
            self._last_end = f"could not be started ({error.strerror})"
            return 0
        answers = asyncio.create_task(self._until_it_answers())
        self._last_end = describe_end(await child.wait())
        answers.cancel()
        self._forget()
        return child.age_s

    async def _spawn(self) -> Child:
        child = await Child.start(
            self.service.command,
            environment=self.service.environment,
            line=self._keep_line,
            groups=self._groups,
        )
        self._child = child
        with contextlib.suppress(OSError):
            self._pid_file.write_text(f"{child.pid}\n")
        if self._stopping.is_set():
            child.terminate()
        return child

    def _keep_line(self, line: str) -> None:
        if line.strip() not in self.service.noise:
            self._journal.write(self.service.name, line)

    def _forget(self) -> None:
        self._child = None
        with contextlib.suppress(OSError):
            self._pid_file.unlink()

    async def _until_it_answers(self) -> None:
        while self.service.healthy is not None and not await self.service.healthy():
            await asyncio.sleep(self._patience.look_every_s)
        self._journal.say(f"{self.service.name} answers")
        self._ready.set()

    async def _give_up(self) -> None:
        deadline = asyncio.get_running_loop().time() + self._patience.start_timeout_s
        while asyncio.get_running_loop().time() < deadline:
            if self._deaths >= _DEATHS_AT_START:
                raise self._cannot_start(f"{self._last_end}, {self._deaths} times in a row")
            await asyncio.sleep(self._patience.look_every_s)
        raise self._cannot_start(f"did not answer within {self._patience.start_timeout_s:g} s")

    def _cannot_start(self, what: str) -> CannotStart:
        tail = "\n".join(f"    {line}" for line in self._journal.tail(self.service.name))
        return CannotStart(f"{self.service.name} {what}. Its last lines:\n{tail}", exit_code=1)
