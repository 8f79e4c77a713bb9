"""The whole product as real processes, for tests: start it, talk to it, hurt it, stop it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[1]
T = TypeVar("T")
FAST = {
    "HEADWATER_LEASE_S": "3",
    "HEADWATER_RENEW_S": "1",
    "HEADWATER_RECONCILE_S": "1",
    "HEADWATER_RESEND_S": "2",
    "HEADWATER_MIN_FREE_BYTES": "0",
}
_MARKS = {
    "api": ("services.api",),
    "worker-profile": ("services.worker.app", "profile"),
    "worker-publish": ("services.worker.app", "publish"),
    "query": ("services.query.app",),
    "housekeeping": ("services.worker.app", "housekeeping"),
    "beat": ("services.worker.app", "beat"),
    "flower": ("flower",),
    "broker": ("valkey-server", "redis-server"),
}


def free_port() -> int:
    """Return a loopback port that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(look: Callable[[], T | None], *, timeout_s: float, what: str) -> T:
    """Return the first answer of `look` that is not None or False; fail with `what` when the time is over."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = look()
        if found is not None and found is not False:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout_s} s: {what}")


class Stack:
    """A running Headwater with a home of its own."""

    def __init__(self, home: Path, process: subprocess.Popen[bytes], *, api_port: int, flower_port: int, log: Path) -> None:
        self.home = home
        self.process = process
        self.url = f"http://127.0.0.1:{api_port}"
        self.flower_url = f"http://127.0.0.1:{flower_port}"
        self.log = log
        self.http = httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    def pids(self, service: str) -> list[int]:
        """Return the processes of a service, parents first."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                line = child.cmdline()
            except psutil.Error:
                continue
            if _is(service, line):
                found.append(child.pid)
        return found

    def kill(self, service: str, sign: signal.Signals = signal.SIGKILL) -> list[int]:
        """Send a signal to every process of a service; return their pids."""
        pids = self.pids(service)
        assert pids, f"no process of {service} is running"
        signal_all(pids, sign)
        return pids

    def memory(self) -> dict[str, int]:
        """Return the resident memory, in bytes, of the largest process of each service."""
        sizes: dict[str, int] = {}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                line, size = child.cmdline(), child.memory_info().rss
            except psutil.Error:
                continue
            for service in _MARKS:
                if _is(service, line):
                    sizes[service] = max(sizes.get(service, 0), size)
        return sizes

    def upload(self, path: Path) -> dict[str, Any]:
        """Send a file in one request."""
        with path.open("rb") as body:
            answer = self.http.post("/v1/uploads", params={"filename": path.name}, content=body, timeout=600)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def upload_bytes(self, data: bytes, filename: str = "data.csv") -> dict[str, Any]:
        """Send bytes in one request."""
        answer = self.http.post("/v1/uploads", params={"filename": filename}, content=data)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def find(self, path: str) -> dict[str, Any] | None:
        """GET a resource; None while the api does not answer."""
        try:
            answer = self.http.get(path)
        except httpx.TransportError:
            return None
        return dict(answer.json()) if answer.status_code in (200, 202) else None

    def wait(self, path: str, *, timeout_s: float = 60) -> dict[str, Any]:
        """Wait for the end of a job or a query."""

        def ended() -> dict[str, Any] | None:
            found = self.find(path)
            return found if found and found.get("state") in ("succeeded", "failed", "cancelled") else None

        return until(ended, timeout_s=timeout_s, what=f"{path} ends; now {self.find(path)}")

    def profile(self, upload_id: str, *, timeout_s: float = 60) -> dict[str, Any]:
        """Wait for an upload's profile job and return the job."""
        job_id = until(lambda: (self.find(f"/v1/uploads/{upload_id}") or {}).get("profile_job_id"), timeout_s=20, what="a profile job")
        return self.wait(f"/v1/jobs/{job_id}", timeout_s=timeout_s)

    def publish(self, upload_id: str, name: str, *, timeout_s: float = 60, **more: Any) -> dict[str, Any]:
        """Publish an upload and return the job when it has ended."""
        return self.wait(self.start_publish(upload_id, name, **more), timeout_s=timeout_s)

    def start_publish(self, upload_id: str, name: str, **more: Any) -> str:
        """Ask for a publish and return its job's address."""
        answer = self.http.post("/v1/datasets", json={"upload_id": upload_id, "name": name, "mode": "create", **more})
        assert answer.status_code == 202, answer.text
        return str(answer.headers["Location"])

    def query(self, sql: str, *, timeout_s: float = 60) -> dict[str, Any]:
        """Run a query and return it when it has ended."""
        return self.wait(self.start_query(sql), timeout_s=timeout_s)

    def start_query(self, sql: str) -> str:
        """Submit a query and return its address."""
        answer = self.http.post("/v1/queries", json={"sql": sql})
        assert answer.status_code == 202, answer.text
        return str(answer.headers["Location"])

    def rows(self, sql: str, *, timeout_s: float = 60) -> list[list[Any]]:
        """Run a query and return its first page of rows."""
        query = self.query(sql, timeout_s=timeout_s)
        assert query["state"] == "succeeded", query
        answer = self.http.get(f"/v1/queries/{query['id']}/results")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["rows"])

    def ready(self) -> bool:
        """Whether the api and what it depends on answer."""
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """Stop the product as Ctrl-C does, and check that nothing of it is left."""
        self.http.close()
        family = [self.process.pid, *(child.pid for child in psutil.Process(self.process.pid).children(recursive=True))]
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=60)
        finally:
            left = _still_running(family, timeout_s=5)
            signal_all(left, signal.SIGKILL)
        assert left == {}, "processes were left behind"


@contextmanager
def running(home: Path, **settings: str) -> Iterator[Stack]:
    """Start the product and stop it in the end; its output is in `home`.log."""
    api_port, flower_port = free_port(), free_port()
    log = home.with_suffix(".log")
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("HEADWATER_")},
        "HEADWATER_HOME": str(home),
        "HEADWATER_API_PORT": str(api_port),
        "HEADWATER_FLOWER_PORT": str(flower_port),
        **settings,
    }
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, "-m", "headwater.up"], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    stack = Stack(home, process, api_port=api_port, flower_port=flower_port, log=log)
    try:
        until(lambda: process.poll() is not None or stack.ready(), timeout_s=90, what=f"the product is ready; see {log}")
        assert process.poll() is None, log.read_text()[-4000:]
        until(lambda: "try it" in log.read_text(errors="replace").lower() or process.poll() is not None, timeout_s=90, what="all services answer")
        yield stack
    finally:
        if process.poll() is None:
            stack.stop()


def signal_all(pids: Iterable[int], sign: signal.Signals) -> None:
    """Send a signal to those processes that are still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)


def _still_running(pids: list[int], *, timeout_s: float) -> dict[int, list[str]]:
    """Return those that do not end within the time, with their command lines; the guard outlives the supervisor by a moment."""
    deadline = time.monotonic() + timeout_s
    left: dict[int, list[str]] = {}
    while True:
        left.clear()
        for pid in pids:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE:
                    left[pid] = process.cmdline()
        if not left or time.monotonic() >= deadline:
            return left
        time.sleep(0.05)


def _is(service: str, line: list[str]) -> bool:
    marks = _MARKS[service]
    if service == "broker":
        return any(mark in part for part in line[:1] for mark in marks)
    return all(any(part == mark for part in line) for mark in marks)
