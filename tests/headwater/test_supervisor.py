"""The supervisor starts in order, restarts what dies, stops everything and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from headwater.errors import CannotStart
from headwater.journal import Journal
from headwater.service import Patience, Service
from headwater.supervisor import Supervisor
from tests.headwater.tiny import QUICK, exists, service
from tests.headwater.waiting import alive, lines, numbers, until

ROOT = Path(__file__).resolve().parents[2]


def test_a_stage_starts_when_the_one_before_answers(tmp_path: Path) -> None:
    """A service whose foundation runs but does not answer yet is not started."""

    async def scene() -> None:
        looks = []

        async def allowed() -> bool:
            looks.append((tmp_path / "next.pid").exists())
            return (tmp_path / "allowed").exists()

        slow = service(tmp_path, "slow", healthy=allowed)
        async with running([[slow], [service(tmp_path, "next")]], tmp_path, wait=False):
            await until((tmp_path / "slow.up").exists, what="the foundation runs")
            await until(lambda: len(looks) > 5, what="the supervisor looks again and again")

            (tmp_path / "allowed").touch()

            await until((tmp_path / "ready").exists, what="everything answers")
            assert lines(tmp_path / "events") == ["start slow", "start next"]
            assert not any(looks)

    asyncio.run(scene())


def test_a_killed_child_is_started_again(tmp_path: Path) -> None:
    """The log says which signal ended it, a new process answers, and what the old one left behind is gone by then."""

    async def scene() -> None:
        async with running([[service(tmp_path, "one", "--family")]], tmp_path):
            first, grandchild = pid(tmp_path, "one"), numbers(tmp_path / "grandchildren")[0]

            os.kill(first, signal.SIGKILL)

            await until(lambda: len(numbers(tmp_path / "grandchildren")) == 2, what="a second life")
            assert pid(tmp_path, "one") != first
            assert not alive(grandchild)
            assert "one was ended by SIGKILL" in (tmp_path / "logs" / "headwater.log").read_text()

    asyncio.run(scene())


def test_the_pause_between_deaths_doubles_to_its_limit(tmp_path: Path) -> None:
    """A service that can't stay up costs less and less, and is tried for ever."""

    async def scene() -> None:
        plan = [[Service("sick", (sys.executable, "-c", "raise SystemExit(3)"), healthy=exists(tmp_path))]]
        async with running(plan, tmp_path):
            log = tmp_path / "logs" / "headwater.log"
            await until(lambda: log.read_text().count("in 0.4 s") == 2, what="the longest pause, twice")

            said = [line.rsplit(" in ", 1)[1] for line in lines(log) if "starting it again" in line]
            assert said[:5] == ["0.05 s", "0.1 s", "0.2 s", "0.4 s", "0.4 s"]
            assert "sick ended with exit code 3" in log.read_text()

    asyncio.run(scene())


def test_the_foundation_stops_last(tmp_path: Path) -> None:
    """Every process gets SIGTERM, and the first stage only after all others have ended."""

    async def scene() -> None:
        plan = [[service(tmp_path, "ground")], [service(tmp_path, "a"), service(tmp_path, "b")], [service(tmp_path, "top")]]
        async with running(plan, tmp_path):
            pids = [pid(tmp_path, name) for name in ("ground", "a", "b", "top")]

        stops = [line for line in lines(tmp_path / "events") if line.startswith("stop")]
        assert sorted(stops) == ["stop a", "stop b", "stop ground", "stop top"]
        assert stops[-1] == "stop ground"
        assert not any(map(alive, pids))
        assert not list(tmp_path.glob("*.pid"))

    asyncio.run(scene())


def test_what_does_not_stop_is_killed(tmp_path: Path) -> None:
    """A process that ignores SIGTERM, and its children, end when the wait is over."""

    async def scene() -> None:
        async with running([[service(tmp_path, "stubborn", "--deaf", "--family")]], tmp_path, patience=replace(QUICK, stop_timeout_s=0.2)):
            stubborn, grandchild = pid(tmp_path, "stubborn"), numbers(tmp_path / "grandchildren")[0]

        assert not alive(stubborn)
        assert not alive(grandchild)
        assert "stubborn did not stop in time" in (tmp_path / "logs" / "headwater.log").read_text()

    asyncio.run(scene())


def test_a_second_request_to_stop_hurries(tmp_path: Path) -> None:
    """Ctrl-C twice does not wait for the slow."""

    async def scene() -> None:
        patient = replace(QUICK, stop_timeout_s=60)
        async with running([[service(tmp_path, "ground")], [service(tmp_path, "stubborn", "--deaf")]], tmp_path, patience=patient) as supervisor:
            stubborn = pid(tmp_path, "stubborn")
            supervisor.stop()
            await until(lambda: "stubborn got SIGTERM" in lines(tmp_path / "logs" / "stubborn.log"), what="SIGTERM arrived")

        assert not alive(stubborn)

    asyncio.run(asyncio.wait_for(scene(), timeout=20))


def test_a_step_that_fails_ends_the_start(tmp_path: Path) -> None:
    """The error names the step, its exit code and its last words, and what ran before it is stopped."""

    async def scene() -> None:
        step = Service("migrations", (sys.executable, "-c", "raise SystemExit('no such database')"))
        with pytest.raises(CannotStart, match=r"(?s)migrations ended with exit code 1\..*no such database") as error:
            async with running([[service(tmp_path, "ground")], [step], [service(tmp_path, "after")]], tmp_path):
                pass
        assert error.value.exit_code == 1
        assert lines(tmp_path / "events") == ["start ground", "stop ground"]

    asyncio.run(scene())


def test_a_service_that_dies_at_its_start_ends_the_start(tmp_path: Path) -> None:
    """Three deaths before the first answer are enough to say so."""

    async def scene() -> None:
        sick = Service("sick", (sys.executable, "-c", "raise SystemExit('no module')"), healthy=exists(tmp_path / "never"))
        with pytest.raises(CannotStart, match=r"(?s)sick ended with exit code 1, 3 times in a row\..*no module"):
            async with running([[sick]], tmp_path):
                pass

    asyncio.run(scene())


def test_a_service_that_never_answers_ends_the_start(tmp_path: Path) -> None:
    """The wait for an answer is bounded."""

    async def scene() -> None:
        mute = service(tmp_path, "mute", healthy=exists(tmp_path / "never"))
        with pytest.raises(CannotStart, match=r"mute did not answer within 0\.5 s"):
            async with running([[mute]], tmp_path, patience=replace(QUICK, start_timeout_s=0.5)):
                pass
        assert lines(tmp_path / "events") in (["start mute", "stop mute"], ["start mute"], [])

    asyncio.run(scene())


def test_nothing_survives_the_death_of_the_supervisor(tmp_path: Path) -> None:
    """After kill -9 of the supervisor its children, their children and the guard are gone."""
    asyncio.run(_killed_supervisor(tmp_path, kill_guard=False))


def test_a_killed_guard_is_replaced(tmp_path: Path) -> None:
    """The promise for the supervisor's death holds after the guard's."""
    asyncio.run(_killed_supervisor(tmp_path, kill_guard=True))


async def _killed_supervisor(tmp_path: Path, *, kill_guard: bool) -> None:
    process = subprocess.Popen((sys.executable, "-m", "tests.headwater.tiny", str(tmp_path)), cwd=ROOT)
    try:
        await until((tmp_path / "ready").exists, what="the supervisor is ready")
        if kill_guard:
            old = guard(process.pid)
            assert old is not None
            os.kill(old, signal.SIGKILL)
            await until(lambda: guard(process.pid) not in (None, old), what="another guard")
        family = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        assert len(family) == 4
    finally:
        process.kill()
        process.wait()
    await until(lambda: not any(map(alive, family)), what="all are gone", timeout_s=5)


def guard(supervisor: int) -> int | None:
    """Return the guard's process id, if it runs."""
    for child in psutil.Process(supervisor).children():
        if alive(child.pid) and any(part.endswith("guard.py") for part in child.cmdline()):
            return child.pid
    return None


def pid(folder: Path, name: str) -> int:
    """Return the process id that the supervisor wrote for a service."""
    return numbers(folder / f"{name}.pid")[0]


@asynccontextmanager
async def running(plan: Sequence[Sequence[Service]], folder: Path, *, patience: Patience = QUICK, wait: bool = True) -> AsyncIterator[Supervisor]:
    """Run a supervisor around the block."""
    journal = Journal(folder / "logs")
    supervisor = Supervisor(plan, run_folder=folder, journal=journal, patience=patience)
    task = asyncio.create_task(supervisor.run((folder / "ready").touch))
    try:
        if wait:
            await until(lambda: (folder / "ready").exists() or task.done(), what="ready, or given up")
        yield supervisor
    finally:
        if not task.done():
            supervisor.stop()
        try:
            await task
        finally:
            journal.close()
