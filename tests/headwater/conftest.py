"""One product that the client's and the command line's tests share, and a wire to it that can be hurt."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headwater.client import Client
from tests.headwater.wire import Wire
from tests.stack import FAST, ROOT, Stack, running


@dataclass(frozen=True)
class Call:
    """How to call the command line: as a process of its own, from a folder of its own."""

    folder: Path
    environment: dict[str, str]

    def start(self, *arguments: str, url: str | None = None, **options: Any) -> subprocess.Popen[bytes]:
        """Start a command."""
        environment = self.environment if url is None else {**self.environment, "HEADWATER_URL": url}
        command = [sys.executable, "-P", "-m", "headwater", *arguments]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=self.folder, env=environment, **{**pipes, **options})

    def __call__(self, *arguments: str, stdin: bytes | None = None, url: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        started = self.start(*arguments, url=url, **({} if stdin is None else {"stdin": subprocess.PIPE}))
        out, err = started.communicate(stdin, timeout=60)
        return subprocess.CompletedProcess(list(arguments), started.returncode, out.decode(), err.decode())


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product, for tests that do not hurt it."""
    with running(tmp_path_factory.mktemp("product") / "home", **FAST) as stack:
        yield stack


@pytest.fixture
def headwater(product: Stack, tmp_path: Path) -> Call:
    """The command line, with a memory of its own."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("HEADWATER_")}
    more = {"HEADWATER_URL": product.url, "XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    return Call(tmp_path, {**own, **more})


@pytest.fixture
def connect(product: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Client]]:
    """Make clients, with a memory of their own; of the product, if no other address is given."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made: list[Client] = []

    def new(url: str = product.url, **options: Any) -> Client:
        made.append(Client(url, **options))
        return made[-1]

    yield new
    for one in made:
        one.close()


@pytest.fixture
def client(connect: Callable[..., Client]) -> Client:
    """A client of the product."""
    return connect()


@pytest.fixture
def wire(product: Stack) -> Iterator[Wire]:
    """A wire to the product."""
    with Wire(int(product.url.rpartition(":")[2])) as wire:
        yield wire
