"""Servers for the tests of uploads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.uploads.server import Server

StartServer = Callable[..., Server]


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that tests share; none of them hurts it."""
    server = Server(tmp_path_factory.mktemp("api"), upload_idle_s=3, part_seconds=0.3, max_upload_bytes=64 * 2**20).start()
    yield server
    server.close()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start servers of the test's own, with settings as keywords."""
    servers: list[Server] = []

    def start(*, name: str = "home", **settings: Any) -> Server:
        home = tmp_path / name
        home.mkdir(exist_ok=True)
        servers.append(Server(home, **settings).start())
        return servers[-1]

    yield start
    for server in servers:
        server.close()
