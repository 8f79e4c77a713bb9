"""P20: 32 uploads, 200 queries and 1,000 pollers at once, beside each of the three alone: `python -m bench.crowd`.

Uploads are of 32 MB each and different; queries sum a table of a million rows; a poller asks for one job every two seconds, as a page without
events does. Shares are fair when no upload takes more than three times as long as another, and so for queries from their start; `/healthz` is
asked from a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.kept import keep, percentile
from headwater.client import Client, HeadwaterError
from tests.e2e.poller import percentile_s, polled
from tests.stack import FAST, Stack, running

UPLOADS, QUERIES, POLLERS = 32, 200, 1000
UPLOAD_BYTES = 32_000_000
POLL_EVERY_S = 2.0
_ROWS = 1_000_000
_LONGEST_S = 900.0


@dataclass
class Taken:
    """Seconds of each piece of work, and what went wrong."""

    uploads: list[float]
    queries: list[float]
    polls: list[float]
    errors: list[str]


def main() -> None:
    """Measure, print the rows, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder, running(Path(folder) / "home", **FAST) as stack:
        job = _publish(stack)
        alone = Taken([], [], [], [])
        for act in (_send_all, _ask_all):
            act(stack, alone)
        together = Taken([], [], [], [])
        with polled(f"{stack.url}/healthz") as health, ThreadPoolExecutor(2) as pool:
            work = [pool.submit(act, stack, together) for act in (_send_all, _ask_all)]
            asyncio.run(_poll_all(stack, job, together, lambda: all(one.done() for one in work)))
            for one in work:
                one.result()
    figures: dict[str, Any] = {
        "errors": together.errors[:20],
        "healthz_p99_s": percentile_s(health, 0.99),
        "poll_p99_s": percentile(together.polls, 0.99),
        "upload_spread": max(together.uploads) / min(together.uploads),
        "query_spread": percentile(together.queries, 0.95) / statistics.median(together.queries),
        "uploads_slower": statistics.median(together.uploads) / statistics.median(alone.uploads),
        "queries_slower": statistics.median(together.queries) / statistics.median(alone.queries),
    }
    said = (
        f"{len(together.errors)} errors",
        f"uploads {figures['upload_spread']:.1f} × apart, {figures['uploads_slower']:.1f} × as long as alone",
        f"queries {figures['query_spread']:.1f} × apart, {figures['queries_slower']:.1f} × as long",
        f"polls p99 {figures['poll_p99_s'] * 1000:.0f} ms",
        f"/healthz p99 {figures['healthz_p99_s'] * 1000:.0f} ms",
    )
    print(f"| P20 | {UPLOADS} uploads, {QUERIES} queries, {POLLERS} pollers | {'; '.join(said)} | target no error, ≤ 3 ×, ≤ 200 ms |", flush=True)
    keep("P20", figures)


def _publish(stack: Stack) -> str:
    upload = stack.upload_bytes(b"n,r\n" + b"".join(b"%d,%d\n" % (n, n % 7) for n in range(_ROWS)), "numbers.csv")
    profiled = stack.profile(upload["id"])
    assert profiled["state"] == "succeeded"
    assert stack.publish(upload["id"], "numbers")["state"] == "succeeded"
    return str(profiled["id"])


def _send_all(stack: Stack, taken: Taken) -> None:
    with ThreadPoolExecutor(UPLOADS) as pool:
        list(pool.map(lambda seed: _guarded(taken, lambda: taken.uploads.append(_send(stack.url, seed))), range(UPLOADS)))


def _ask_all(stack: Stack, taken: Taken) -> None:
    with ThreadPoolExecutor(QUERIES) as pool:
        list(pool.map(lambda seed: _guarded(taken, lambda: taken.queries.append(_ask(stack.url, seed))), range(QUERIES)))


def _guarded(taken: Taken, act: Callable[[], None]) -> None:
    try:
        act()
    except (httpx.HTTPError, HeadwaterError, AssertionError) as error:
        taken.errors.append(repr(error)[:300])


def _send(url: str, seed: int) -> float:
    line = random.Random(seed).randbytes(24).hex()
    block = "".join(f"{n},{line}\n" for n in range(10_000)).encode()
    size = 0

    def body() -> Any:
        nonlocal size
        while size < UPLOAD_BYTES:
            size += len(block)
            yield block

    started = time.perf_counter()
    with httpx.Client(base_url=url, timeout=_LONGEST_S, trust_env=False) as http:
        answer = http.post("/v1/uploads", params={"filename": f"{seed}.csv"}, content=body())
        assert answer.status_code == 201, answer.text
        took = time.perf_counter() - started
        assert answer.json()["offset"] == size
    return took


def _ask(url: str, seed: int) -> float:
    """Return the seconds from the query's start to its end: what it waits for a slot is the queue's, not unfairness."""
    with Client(url) as client:
        query = client.queries.wait(client.queries.start(f"SELECT r, sum(n) + {seed} FROM numbers GROUP BY r ORDER BY r")["id"])
    spent = query["statistics"]
    assert spent["planning_ms"] is not None
    assert spent["execution_ms"] is not None
    return (spent["planning_ms"] + spent["execution_ms"]) / 1000


async def _poll_all(stack: Stack, job_id: str, taken: Taken, over: Callable[[], bool]) -> None:
    port = int(stack.url.rpartition(":")[2])
    request = f"GET /v1/jobs/{job_id} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    await asyncio.gather(*(_poll(port, request, place * POLL_EVERY_S / POLLERS, taken, over) for place in range(POLLERS)))


async def _poll(port: int, request: bytes, wait_s: float, taken: Taken, over: Callable[[], bool]) -> None:
    await asyncio.sleep(wait_s)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while not over():
            started = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            taken.polls.append(time.perf_counter() - started)
            assert head[9:12] == b"200", head
            await asyncio.sleep(POLL_EVERY_S)
        writer.close()
        await writer.wait_closed()
    except (OSError, EOFError, AssertionError) as error:
        taken.errors.append(repr(error)[:300])


if __name__ == "__main__":
    main()
