"""P14 and P16: how long work waits for Headwater, and not for itself: `python -m bench.waiting [--rounds 200]`.

P14: from a query's record to its taking by an idle worker, by the records' own times (the outbox, the message, the claim's commit), beside a push
to a list of the same broker and the pop of a reader that blocks on it. P16: from a query's submission to the end that its submitter sees over
server-sent events, less what the engine says it needed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import select

from bench.kept import keep, percentile
from services.shared.records.database import Database
from services.shared.records.tables import jobs
from tests.stack import FAST, Stack, running

_WARM = 10


def main() -> None:
    """Measure, print the rows, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = max(30, parser.parse_args().rounds)
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder, running(Path(folder) / "home", **FAST) as stack:
        _publish(stack)
        yardstick, overheads, ids = [], [], []
        with _Echo(stack) as echo:
            for _ in range(rounds + _WARM):
                yardstick.append(echo.trip())
                query_id, overhead_s = _ask(stack)
                ids.append(query_id)
                overheads.append(overhead_s)
        waits = _waits(stack, ids[_WARM:])
    trip, wait = statistics.median(yardstick[_WARM:]), statistics.median(waits)
    overhead = statistics.median(overheads[_WARM:])
    p95 = percentile(waits, 0.95)
    print(
        f"| P14 | {rounds} queries | {wait * 1000:.1f} ms, {wait / trip:.1f} × a push and pop ({trip * 1000:.2f} ms), p95 {p95 * 1000:.1f} ms "
        "| target ≤ 15 ×, p95 ≤ 10 ms |",
        flush=True,
    )
    print(
        f"| P16 | {rounds} queries | +{overhead * 1000:.0f} ms, p95 +{percentile(overheads[_WARM:], 0.95) * 1000:.0f} ms | target ≤ +60 ms |",
        flush=True,
    )
    keep("P14", {"rounds": rounds, "wait_s": wait, "p95_s": p95, "trip_s": trip, "ratio": wait / trip})
    keep("P16", {"rounds": rounds, "overhead_s": overhead, "p95_s": percentile(overheads[_WARM:], 0.95)})


def _publish(stack: Stack) -> None:
    upload = stack.upload_bytes(b"n,word\n" + b"".join(b"%d,word %d\n" % (n, n % 100) for n in range(100_000)), "numbers.csv")
    assert stack.profile(upload["id"])["state"] == "succeeded"
    assert stack.publish(upload["id"], "numbers")["state"] == "succeeded"


def _ask(stack: Stack) -> tuple[str, float]:
    """Return the query's id, and the seconds from its submission to its end beyond those of the engine."""
    started = time.perf_counter()
    address = stack.http.post("/v1/queries", json={"sql": "SELECT word, count(*) FROM numbers GROUP BY word"}).raise_for_status().headers["Location"]
    query: dict[str, Any] = {}
    with stack.http.stream("GET", f"{address}/events") as events:
        for line in events.iter_lines():
            if line.startswith("data: "):
                query = json.loads(line.removeprefix("data: "))
    taken = time.perf_counter() - started
    assert query["state"] == "succeeded", query
    spent = query["statistics"]
    return query["id"], taken - (spent["planning_ms"] + spent["execution_ms"]) / 1000


def _waits(stack: Stack, ids: list[str]) -> list[float]:
    """Return the seconds between the records' `queued_at` and `started_at`."""
    database = Database(f"sqlite:///{stack.home / 'records.sqlite3'}")
    with database.read() as tx:
        times = {row.id: (row.started_at - row.queued_at).total_seconds() for row in tx.execute(select(jobs).where(jobs.c.id.in_(ids)))}
    database.close()
    return [times[query_id] for query_id in ids]


def _broker(stack: Stack) -> redis.Redis:
    """Return a client of the stack's own broker."""
    port = json.loads((stack.home / "run" / "up.json").read_text())["redis_port"]
    return redis.Redis(port=port, password=(stack.home / "broker" / "password").read_text().strip())


class _Echo:
    """A reader that blocks on one list and answers on another, in a thread of its own."""

    def __init__(self, stack: Stack) -> None:
        self._client = _broker(stack)
        self._reader = _broker(stack)
        self._thread = threading.Thread(target=self._answer, daemon=True)

    def __enter__(self) -> _Echo:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.lpush("bench:ask", b"end")
        self._thread.join()
        self._client.close()
        self._reader.close()

    def trip(self) -> float:
        """Return the seconds of a push and its pop on the other side: half of there and back."""
        started = time.perf_counter()
        self._client.lpush("bench:ask", b"x")
        self._client.brpop(["bench:answer"])
        return (time.perf_counter() - started) / 2

    def _answer(self) -> None:
        while True:
            asked: Any = self._reader.brpop(["bench:ask"])
            if asked[1] == b"end":
                return
            self._reader.lpush("bench:answer", asked[1])


if __name__ == "__main__":
    main()
