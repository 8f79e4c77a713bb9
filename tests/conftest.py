"""What all tests may share: a broker of their own, the api on a home of its own, dice, and a place for figures."""

from __future__ import annotations

import os
import random
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from headwater.broker import find_server
from tests import figures
from tests.api.house import House

StartHouse = Callable[..., House]
Measured = Callable[..., None]
# The processes of one run throw the same dice.
SEED = os.environ.get("HEADWATER_SEED") or os.environ.get("PYTEST_XDIST_TESTRUNUID", secrets.token_hex(4))[:8]
_PRODUCTS = {"stack", "product"}
_STARTS_WITHIN_S = 20


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests that share a product go first, since they take longest."""
    items.sort(key=_shares_product, reverse=True)


def _shares_product(item: pytest.Item) -> bool:
    return bool(_PRODUCTS & set(getattr(item, "fixturenames", ())))


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Valkey on loopback."""
    folder = tmp_path_factory.mktemp("valkey")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [find_server(), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", ""]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"redis://127.0.0.1:{port}/0"
    try:
        _wait_for(url)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[House]:
    """An api of two processes that tests share; none of them hurts it."""
    house = House(tmp_path_factory.mktemp("house"), redis_url=redis_url).start()
    yield house
    house.close()


@pytest.fixture
def start_house(tmp_path: Path, redis_url: str) -> Iterator[StartHouse]:
    """Start an api of the test's own, with settings as keywords."""
    houses: list[House] = []

    def start(**settings: Any) -> House:
        home = tmp_path / f"house-{len(houses)}"
        home.mkdir()
        house = House(home, **{"redis_url": redis_url, **settings})
        houses.append(house)
        return house.start()

    yield start
    for house in houses:
        house.close()


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Dice that fall alike for the same HEADWATER_SEED and test."""
    return random.Random(f"{SEED}:{request.node.name}")


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measured:
    """Record figures under the test's name."""
    return lambda **values: figures.keep(request.node, seed=SEED, **values)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures with the seed, which as HEADWATER_SEED makes the same dice fall again."""
    if lines := list(figures.lines(report for reports in terminalreporter.stats.values() for report in reports)):
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)


def _wait_for(url: str) -> None:
    client = redis.Redis.from_url(url)
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline:
        try:
            client.ping()
        except redis.RedisError:
            time.sleep(0.02)
        else:
            client.close()
            return
    raise AssertionError(f"no broker at {url}")
