"""P15: `GET /v1/jobs/{id}` by 32 connections, beside a FastAPI application on the same server that answers a constant: `python -m bench.polling`.

Each connection asks again as soon as it has its answer, for five seconds a turn, from a process of its own; then with `If-None-Match`, as polls are.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import FastAPI

from bench.kept import keep, percentile
from tests.stack import FAST, ROOT, free_port, running, until

CONNECTIONS = 32
TURN_S = 5.0
_PROBE_S = 0.2
hello = FastAPI()


@hello.get("/hello")
async def say_hello() -> dict[str, str]:
    """Answer a constant."""
    return {"hello": "world"}


def main() -> None:
    """Measure, print the rows, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder, running(Path(folder) / "home", **FAST) as stack, _hello(folder) as port:
        upload = stack.upload_bytes(b"a,b\n1,2\n")
        path = f"/v1/jobs/{stack.profile(upload['id'])['id']}"
        ours_port = int(stack.url.rpartition(":")[2])
        etag = stack.http.get(path).headers["ETag"]
        turns: dict[str, list[tuple[float, float]]] = {"hello": [], "job": [], "unchanged": []}
        for _ in range(rounds):
            turns["hello"].append(_ask(port, "/hello"))
            turns["job"].append(_ask(ours_port, path))
            turns["unchanged"].append(_ask(ours_port, path, etag))
    rates = {name: statistics.median(rate for rate, _ in taken) for name, taken in turns.items()}
    ratio = statistics.median(ours / hello_rate for (ours, _), (hello_rate, _) in zip(turns["job"], turns["hello"], strict=True))
    p99_s = statistics.median(p99 for _, p99 in turns["job"])
    print(
        f"| P15 | {CONNECTIONS} connections, {rounds} rounds | {ratio:.2f} × hello ({rates['job']:.0f} of {rates['hello']:.0f}/s; "
        f"unchanged {rates['unchanged']:.0f}/s), p99 {p99_s * 1000:.0f} ms | target ≥ 0.5 ×, p99 ≤ 60 ms |",
        flush=True,
    )
    keep("P15", {"rounds": rounds, "ratio": ratio, "p99_s": p99_s, "per_second": rates})


@contextmanager
def _hello(folder: str) -> Iterator[int]:
    """Serve the constant as the api is served: granian, two processes."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--no-ws", "--workers", "2", "--port", str(port), "bench.polling:hello"]
    with (Path(folder) / "hello.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        until(lambda: _answers(port), timeout_s=30, what="the yardstick answers")
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    try:
        return asyncio.run(_load(port, "/hello", "", _PROBE_S))[0] > 0
    except OSError:
        return False


def _ask(port: int, path: str, etag: str = "") -> tuple[float, float]:
    """Return the answers a second and the p99 in seconds, asked by another process."""
    command = [sys.executable, "-c", f"import bench.polling as b; b.client({port}, {path!r}, {etag!r})"]
    rate, p99_s = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    return rate, p99_s


def client(port: int, path: str, etag: str) -> None:
    """Ask for one turn and print what came."""
    print(json.dumps(asyncio.run(_load(port, path, etag, TURN_S))))


async def _load(port: int, path: str, etag: str, seconds: float) -> tuple[float, float]:
    condition = f"If-None-Match: {etag}\r\n" if etag else ""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{condition}\r\n".encode()
    ends = time.perf_counter() + seconds
    taken = [one for each in await asyncio.gather(*(_connection(port, request, ends) for _ in range(CONNECTIONS))) for one in each]
    return len(taken) / seconds, percentile(taken, 0.99)


async def _connection(port: int, request: bytes, ends: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    taken = []
    while (started := time.perf_counter()) < ends:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head[9:12] in (b"200", b"304"), head
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if length and head[9:12] == b"200":
            await reader.readexactly(int(length))
        taken.append(time.perf_counter() - started)
    writer.close()
    await writer.wait_closed()
    return taken


if __name__ == "__main__":
    main()
