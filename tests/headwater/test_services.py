"""The watched services, as `make up` runs them: a worker answers its ping, Flower keeps its history and only reads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from headwater.broker import prepare_broker
from headwater.errors import CannotStart
from headwater.health import NodePings
from headwater.instance import run_folder
from headwater.journal import Journal
from headwater.ports import remembered_port
from headwater.service import Patience, Service
from headwater.services import Place, stages
from headwater.supervisor import Supervisor
from services.shared.broker import make_app
from services.shared.settings import Settings
from tests.headwater.waiting import numbers, until

WAIT = Patience(start_timeout_s=60, stop_timeout_s=20, first_pause_s=0.1)


def test_a_worker_answers_by_its_name(tmp_path: Path) -> None:
    """A node that consumes is told from one that does not exist; told to stop while it has nothing to do, it does so at once."""

    async def scene() -> None:
        place = make_place(tmp_path)
        worker = without_tasks(find(place, "worker-profile"))
        async with running(place, worker):
            pings = NodePings({**os.environ, **place.environment()})
            assert await pings.answers("worker-profile")()
            assert not await pings.answers("worker-none")()
            started = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - started < place.settings.soft_stop_s
        assert "worker-profile ended with exit code 0\n" in (tmp_path / "logs" / "headwater.log").read_text()

    asyncio.run(asyncio.wait_for(scene(), timeout=100))


def test_beat_is_one_process_that_answers(tmp_path: Path) -> None:
    """So that no scheduler lives on when it is killed."""

    async def scene() -> None:
        place = make_place(tmp_path)
        beat = without_tasks(find(place, "beat"))
        async with running(place, beat):
            assert not psutil.Process(numbers(run_folder(tmp_path) / "beat.pid")[0]).children()

    asyncio.run(asyncio.wait_for(scene(), timeout=100))


def test_flower_keeps_its_history(tmp_path: Path) -> None:
    """A task seen before a stop is shown after it, under its own id."""

    async def scene() -> None:
        place = make_place(tmp_path)
        flower = find(place, "flower")

        def shown() -> bool:
            """Send once more: Flower may answer before it listens to events, and an event is not kept for it."""
            send(place, "job_seen_before")
            return "job_seen_before" in page(place, "/task/job_seen_before")

        async with running(place, flower):
            await until(shown, what="Flower shows the task", timeout_s=40)
        async with running(place, flower):
            assert "job_seen_before" in page(place, "/task/job_seen_before")

    asyncio.run(asyncio.wait_for(scene(), timeout=100))


def test_flower_only_reads_on_loopback(tmp_path: Path) -> None:
    """What would change something is refused, and no other machine sees it."""

    async def scene() -> None:
        place = make_place(tmp_path)
        async with running(place, find(place, "flower")):
            refused = await asyncio.to_thread(httpx.post, f"{flower_url(place)}/api/worker/shutdown/x@y", trust_env=False)
            assert refused.status_code in (401, 403)
            server = psutil.Process(numbers(run_folder(tmp_path) / "flower.pid")[0])
            listens = {connection.laddr.ip for connection in server.net_connections() if connection.status == psutil.CONN_LISTEN}
            assert listens == {"127.0.0.1"}

    asyncio.run(asyncio.wait_for(scene(), timeout=100))


def test_a_broker_given_by_its_url_must_answer(tmp_path: Path) -> None:
    """One that does not ends the start with its address, not its password; none is started in its place."""

    async def scene() -> None:
        settings = make_place(tmp_path).settings
        place = Place(settings, tmp_path, "redis://:secret@127.0.0.1:1/0", broker=None)
        with pytest.raises(CannotStart, match=r"(?s)broker ended with exit code 1.*127\.0\.0\.1:1") as error:
            async with running(place):
                pass
        assert "secret" not in str(error.value)

    asyncio.run(asyncio.wait_for(scene(), timeout=60))


def make_place(home: Path) -> Place:
    """Return a place with ports and a broker of its own."""
    run = run_folder(home)
    settings = Settings(home=home, flower_port=remembered_port(run / "flower.port"), soft_stop_s=15)
    broker = prepare_broker(home, port=remembered_port(run / "broker.port"))
    return Place(settings, home, broker.url, broker)


def find(place: Place, name: str) -> Service:
    """Return a service of the table."""
    return next(service for stage in stages(place) for service in stage if service.name == name)


def without_tasks(service: Service) -> Service:
    """Return the service over the application that has no tasks, so that only the supervision is tested."""
    return replace(service, command=tuple(part.replace("services.worker.app", "headwater.monitor") for part in service.command))


def send(place: Place, task_id: str) -> None:
    """Send a task that nobody takes; Flower sees that it was sent."""
    settings = place.settings.model_copy(update={"redis_url": place.redis_url})
    with make_app("test", settings, patient=False) as app:
        app.send_task("headwater.profile", args=(task_id,), task_id=task_id, queue="profile")


def page(place: Place, path: str) -> str:
    """Return a page of Flower."""
    answer = httpx.get(flower_url(place) + path, trust_env=False, timeout=10)
    return answer.text if answer.status_code == 200 else ""


def flower_url(place: Place) -> str:
    """Return Flower's address."""
    return f"http://127.0.0.1:{place.settings.flower_port}"


@asynccontextmanager
async def running(place: Place, *services: Service) -> AsyncIterator[None]:
    """Run the place's broker and some services around the block."""
    journal = Journal(place.home / "logs")
    plan = [stages(place)[0], services]
    supervisor = Supervisor(plan, run_folder=run_folder(place.home), journal=journal, patience=WAIT)
    ready = asyncio.Event()
    task = asyncio.create_task(supervisor.run(ready.set))
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait((waiting, task), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            yield
    finally:
        waiting.cancel()
        if not task.done():
            supervisor.stop()
        try:
            await task
        finally:
            journal.close()
