"""The api as real processes for tests of uploads: started, killed, frozen and started again on one home; no broker."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from services.shared.records.database import Database
from services.shared.records.migrate import migrate
from services.shared.records.uploads import list_parts, load
from services.shared.storage.folder_parts import FolderParts
from services.shared.storage.port import Part

ROOT = Path(__file__).resolve().parents[3]
TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}
UNREACHABLE = "redis://127.0.0.1:1/0"
T = TypeVar("T")


def until(look: Callable[[], T], *, timeout_s: float = 15, what: str = "the condition") -> T:
    """Return the first true answer of `look`; fail when the time is over."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {timeout_s} s: {what}")


def content(size: int, *, seed: int = 0) -> bytes:
    """Return bytes that differ everywhere."""
    return random.Random(seed).randbytes(size)


def checksum(data: bytes, algorithm: str = "sha1") -> str:
    """Return `Upload-Checksum` of a body."""
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


def metadata(**values: str) -> str:
    """Return `Upload-Metadata`."""
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


class Server:
    """One api on a home of its own; settings are given as keywords."""

    def __init__(self, home: Path, *, workers: int = 1, **settings: Any) -> None:
        self.home = home
        self.settings = {"min_free_bytes": 0, **settings}
        self.workers = workers
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=60, trust_env=False)
        self.database = Database(f"sqlite:///{home / 'records.sqlite3'}")
        self.parts = FolderParts(home / "objects" / "raw")
        self._connections: list[socket.socket] = []
        self._process: subprocess.Popen[bytes] | None = None
        migrate(self.database)

    def start(self) -> Server:
        """Start it and wait until every process serves."""
        self.begin()
        until(self._answers, timeout_s=40, what="the api answers")
        return self

    def begin(self) -> None:
        """Start it."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HEADWATER_")}
        named = {f"HEADWATER_{name.upper()}": str(value) for name, value in self.settings.items()}
        fixed = {"HEADWATER_HOME": str(self.home), "HEADWATER_API_PORT": str(self.port), "HEADWATER_API_WORKERS": str(self.workers)}
        log = (self.home / "api.log").open("ab")
        self._lines_before = self._lines()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "services.api"],
            cwd=ROOT,
            env={**environment, "HEADWATER_REDIS_URL": UNREACHABLE, **named, **fixed},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()

    def revive(self) -> None:
        """Start it again if it has ended, as the supervisor does."""
        if self._process is None or self._process.poll() is not None:
            self.start()

    def kill(self) -> None:
        """End every process of it at once, as a power cut would."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def terminate(self, *, timeout_s: float = 20) -> float:
        """Ask it to stop; return how long that took."""
        assert self._process is not None
        started = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout_s)
        self._process = None
        return time.monotonic() - started

    def close(self) -> None:
        """Leave nothing behind."""
        if self._process is not None:
            self.kill()
        for connection in self._connections:
            connection.close()
        self.http.close()
        self.database.close()

    def serving(self) -> list[psutil.Process]:
        """Return the processes that serve requests, or are about to."""
        assert self._process is not None
        return [child for child in psutil.Process(self._process.pid).children() if _listens(child)]

    def _lines(self) -> int:
        """Return how often a process has said that it serves; a signal before that is not heard."""
        return (self.home / "api.log").read_text(errors="replace").count("api.serving")

    def create(self, size: int | None, **headers: str) -> str:
        """Create a tus upload and return its path."""
        length = {"Upload-Defer-Length": "1"} if size is None else {"Upload-Length": str(size)}
        answer = self.http.post("/v1/uploads", headers={**TUS, **length, **_named(headers)})
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    def patch(self, path: str, offset: int, body: Any, **headers: str) -> httpx.Response:
        """Send bytes at an offset."""
        return self.http.patch(path, content=body, headers={**BYTES, "Upload-Offset": str(offset), **_named(headers)})

    def head(self, path: str) -> httpx.Response:
        """Ask where an upload stands."""
        return self.http.head(path, headers=TUS)

    def offset(self, path: str) -> int:
        """Return where an upload stands."""
        return int(self.head(path).headers["Upload-Offset"])

    def get(self, path: str) -> dict[str, Any]:
        """Return the upload as the list shows it."""
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def stored_parts(self, path: str) -> list[Part]:
        """Return the recorded parts."""
        with self.database.read() as tx:
            return list_parts(tx, path.rpartition("/")[2])

    def stored(self, path: str) -> bytes:
        """Return the bytes that a worker would read."""
        parts = self.stored_parts(path)
        with self.database.read() as tx:
            assert load(tx, path.rpartition("/")[2]).offset == sum(part.length for part in parts)
        with self.parts.open(parts) as stream:
            return stream.read()

    def raw(self, method: str, path: str, headers: dict[str, str]) -> socket.socket:
        """Open a connection and send a request's head; the caller sends the body, or not."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        self._connections.append(connection)
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *(f"{key}: {value}" for key, value in headers.items())]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.home / "api.log").read_text()
        try:
            return self._lines() - self._lines_before >= self.workers and self.http.get("/healthz").status_code == 200
        except (httpx.TransportError, psutil.Error):
            return False


def answer_of(connection: socket.socket) -> tuple[int, bytes]:
    """Return the status and the rest of what a raw connection answers."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
        if b"\r\n\r\n" in received:
            break
    return int(received.split(b" ", 2)[1]), received


def codes(answers: Sequence[httpx.Response]) -> list[int]:
    """Return the status codes."""
    return [answer.status_code for answer in answers]


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _listens(process: psutil.Process) -> bool:
    return "spawn_main" in " ".join(process.cmdline()) or "services.api" in " ".join(process.cmdline())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
