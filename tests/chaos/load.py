"""Work for a product that is being hurt: what is accepted is written down, and held to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.stack import Stack, until

ENDED = ("succeeded", "failed", "cancelled")


def rows(count: int, *, first: int = 0) -> bytes:
    """Return a small CSV of so many unlike rows."""
    return b"k,v\n" + b"".join(b"%d,text %d\n" % (n, n * 7919) for n in range(first, first + count))


def endless(table: str) -> str:
    """Return a query that works for longer than any test; `k` of the table goes from 0 up."""
    return f"SELECT count(*) FROM {', '.join(f'{table} {letter}' for letter in 'abcd')} WHERE a.k + b.k + c.k + d.k = 1042"


class Load:
    """Every 202 and 201 that the api gave, by its address."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.jobs: list[str] = []
        self.uploads: list[str] = []

    def upload(self, data: bytes) -> str:
        """Send a file, again until it is accepted; return its id."""
        answer = self._persist(lambda: self._stack.http.post("/v1/uploads", params={"filename": "load.csv"}, content=data), status=201)
        self.uploads.append(f"/v1/uploads/{answer.json()['id']}")
        self.jobs.append(f"/v1/jobs/{answer.json()['profile_job_id']}")
        return str(answer.json()["id"])

    def query(self, sql: str) -> str:
        """Submit a query, again until it is accepted; return its address."""
        answer = self._persist(lambda: self._stack.http.post("/v1/queries", json={"sql": sql}), status=202)
        self.jobs.append(answer.headers["Location"])
        return self.jobs[-1]

    def publish(self, upload_id: str, name: str, *, mode: str = "create") -> str:
        """Publish an upload, again until it is accepted; return the job's address."""
        key = {"Idempotency-Key": f"{name}-{upload_id}"}
        body = {"upload_id": upload_id, "name": name, "mode": mode}
        answer = self._persist(lambda: self._stack.http.post("/v1/datasets", json=body, headers=key), status=202)
        self.jobs.append(answer.headers["Location"])
        return self.jobs[-1]

    def end(self, *, timeout_s: float) -> list[dict[str, Any]]:
        """Wait until everything that was accepted has ended; return the jobs."""
        deadline = time.monotonic() + timeout_s
        return [self._stack.wait(path, timeout_s=max(1, deadline - time.monotonic())) for path in self.jobs]

    def _persist(self, ask: Callable[[], httpx.Response], *, status: int) -> httpx.Response:
        def answered() -> httpx.Response | None:
            try:
                answer = ask()
            except httpx.TransportError:
                return None
            if answer.status_code == 503 or (answer.status_code == 409 and answer.json()["code"] == "idempotency_in_progress"):
                return None
            assert answer.status_code == status, answer.text
            return answer

        return until(answered, timeout_s=60, what="the api accepts")
