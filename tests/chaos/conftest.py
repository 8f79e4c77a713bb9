"""A product with short leases and small slices, its broker behind a proxy with faults, and a file large enough to be hurt in the middle."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.broker import Broker
from tests.chaos.proxy import Proxy
from tests.stack import FAST, Stack, running

SMALL_STEPS = {
    **FAST,
    "HEADWATER_PROFILE_SLICE_S": "0.3",
    "HEADWATER_PUBLISH_SLICE_S": "0.3",
    "HEADWATER_PARQUET_FILE_BYTES": str(1 << 20),
    "HEADWATER_ROW_GROUP_ROWS": "20000",
    "HEADWATER_RESTART_PAUSE_S": "1",
}


@dataclass(frozen=True)
class Source:
    """A generated CSV and what is true of it."""

    path: Path
    rows: int
    total: int


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """About 20 MB of unlike numbers and words, always the same."""
    dice = random.Random(20261122)
    path = tmp_path_factory.mktemp("source") / "orders.csv"
    rows, total = 300_000, 0
    with path.open("w") as file:
        file.write("order_id,amount,customer,note\n")
        for number in range(rows):
            amount = dice.randrange(1_000_000)
            total += amount
            file.write(f'{number},{amount},customer {dice.randrange(5000):05d},"{dice.getrandbits(160):040x}"\n')
    return Source(path, rows, total)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The broker that the product is given."""
    broker = Broker(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.close()


@pytest.fixture(scope="session")
def line(broker: Broker) -> Iterator[Proxy]:
    """What lies between every process and the broker."""
    with Proxy(broker.port) as line:
        yield line


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, line: Proxy) -> Iterator[Stack]:
    """The product that these tests share; each leaves it whole."""
    redis_url = f"redis://127.0.0.1:{line.port}/0"
    with running(tmp_path_factory.mktemp("chaos") / "home", HEADWATER_REDIS_URL=redis_url, **SMALL_STEPS) as stack:
        yield stack
