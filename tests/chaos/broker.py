"""A broker that a test may kill and start again; the product knows it as an external Redis."""

from __future__ import annotations

import subprocess
from pathlib import Path

import redis

from headwater.broker import find_server
from tests.stack import free_port, until


class Broker:
    """A Valkey on loopback that keeps what it was told, as the product's own does."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.client = redis.Redis(port=self.port, socket_timeout=10)

    def start(self) -> None:
        """Start it and wait until it answers."""
        arguments = ["--port", str(self.port), "--dir", str(self._folder), "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen([find_server(), "--bind", "127.0.0.1", *arguments], stdout=log, stderr=log)
        until(self._answers, timeout_s=30, what="the broker answers")

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Leave nothing behind."""
        self.kill()
        self.client.close()

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False
