"""Invariant 14: a publish is atomic to readers: a query sees one version or the next, never a mix, never an error."""

from __future__ import annotations

import threading
import time
from collections import Counter

import httpx
import pytest

from tests.chaos.load import ENDED, Load
from tests.conftest import Measured
from tests.stack import Stack, until

_LEAST = 1000


class Reader:
    """Queries one table after the other, in a thread, until it is told to stop."""

    def __init__(self, url: str, sql: str) -> None:
        self.seen: list[int] = []
        self.wrong: list[object] = []
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)
        self._sql = sql
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._http.close()

    def _read(self) -> None:
        while not self._over.is_set():
            try:
                self._look()
            except (AssertionError, httpx.HTTPError, KeyError) as problem:
                self.wrong.append(problem)
                return

    def _look(self) -> None:
        submitted = self._http.post("/v1/queries", json={"sql": self._sql})
        if submitted.status_code != 202:
            self.wrong.append(submitted.text)
            return
        path = submitted.headers["Location"]
        ended = until(lambda: (found := self._http.get(path).json())["state"] in ENDED and found, timeout_s=60, what=f"{path} ends")
        if ended["state"] != "succeeded":
            self.wrong.append(ended)
            return
        count, least, most = (int(value) for value in self._http.get(f"{path}/results").json()["rows"][0])
        if least != most or count != _LEAST + most or (self.seen and most < self.seen[-1]):
            self.wrong.append((count, least, most))
        self.seen.append(most)


@pytest.mark.timeout(240)
def test_readers_see_one_version_or_the_next(stack: Stack, measured: Measured) -> None:
    """Two readers query without a pause while the table is replaced five times."""
    replace(stack, measured, name="atomic", times=5)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_readers_see_one_of_twenty_versions_or_the_next(stack: Stack, measured: Measured) -> None:
    """The long form: twenty times."""
    replace(stack, measured, name="atomic_long", times=20)


def replace(stack: Stack, measured: Measured, *, name: str, times: int) -> None:
    """Publish versions of which each can be told by every row, and read all the while."""
    load = Load(stack)
    uploads = [load.upload(b"k,v\n" + b"".join(b"%d,%d\n" % (n, v) for n in range(_LEAST + v))) for v in range(1, times + 2)]
    assert {job["state"] for job in load.end(timeout_s=180)} == {"succeeded"}
    assert stack.publish(uploads[0], name)["state"] == "succeeded"
    sql = f"SELECT count(*), min(v), max(v) FROM {name}"
    slowest = 0.0
    with Reader(stack.url, sql) as one, Reader(stack.url, sql) as two:
        for upload_id in uploads[1:]:
            started = time.monotonic()
            assert stack.publish(upload_id, name, mode="replace", timeout_s=120)["state"] == "succeeded"
            slowest = max(slowest, time.monotonic() - started)
        last = {reader: len(reader.seen) for reader in (one, two)}
        until(lambda: all(len(reader.seen) > last[reader] + 1 or reader.wrong for reader in (one, two)), timeout_s=60, what="a last look")
    seen, wrong = Counter(one.seen + two.seen), one.wrong + two.wrong
    measured(
        republishes=times,
        queries=seen.total(),
        versions_seen=len(seen),
        mixes_and_errors=len(one.wrong + two.wrong),
        slowest_publish_s=round(slowest, 1),
    )
    assert wrong == []
    assert one.seen[-1] == two.seen[-1] == times + 1
