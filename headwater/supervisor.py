"""The supervisor: starts services stage by stage, keeps them running, and stops them all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from headwater.groups import Groups
from headwater.journal import Journal
from headwater.keeper import Keeper
from headwater.service import Patience, Service


class Supervisor:
    """Runs stages of services: each stage starts when all of the one before answer; the first stage is the last to stop."""

    def __init__(self, stages: Sequence[Sequence[Service]], *, run_folder: Path, journal: Journal, patience: Patience) -> None:
        self._stages = stages
        self._run_folder = run_folder
        self._journal = journal
        self._patience = patience
        self._groups = Groups()
        self._foundation: list[Keeper] = []
        self._others: list[Keeper] = []
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Start everything, call `on_ready`, run until `stop`, stop everything; raise CannotStart if a start fails."""
        await self._groups.start()
        starting = asyncio.create_task(self._start())
        stop = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((starting, stop), return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                on_ready()
                await stop
        finally:
            starting.cancel()
            stop.cancel()
            await asyncio.wait((starting,))
            await self._shut_down()
            await self._groups.stop()

    def stop(self) -> None:
        """Stop in order; asked a second time, kill what still runs."""
        if self._stop.is_set():
            self._journal.say("asked again: ending what still runs")
            self._hurry.set()
            return
        self._journal.say("stopping")
        self._stop.set()

    async def _start(self) -> None:
        for stage in self._stages:
            keepers = [self._keeper(service) for service in stage]
            group = self._foundation if stage is self._stages[0] else self._others
            group.extend(keepers)
            try:
                async with asyncio.TaskGroup() as starts:
                    for keeper in keepers:
                        starts.create_task(keeper.start())
            except ExceptionGroup as problems:
                raise problems.exceptions[0] from None

    def _keeper(self, service: Service) -> Keeper:
        return Keeper(service, run_folder=self._run_folder, journal=self._journal, groups=self._groups, patience=self._patience)

    async def _shut_down(self) -> None:
        for keepers in (self._others, self._foundation):
            await self._stop_all(keepers)

    async def _stop_all(self, keepers: list[Keeper]) -> None:
        for keeper in reversed(keepers):
            keeper.ask_to_stop()
        done = asyncio.gather(*(keeper.stopped() for keeper in keepers))
        hurry = asyncio.create_task(self._hurry.wait())
        await asyncio.wait((done, hurry), timeout=self._patience.stop_timeout_s, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        while not done.done():
            for keeper in keepers:
                if keeper.kill():
                    self._journal.say(f"{keeper.service.name} did not stop in time and is killed")
            await asyncio.wait((done,), timeout=1)
