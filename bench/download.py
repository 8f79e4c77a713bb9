"""P17: a download of a stored result against granian's own answer with the same file: `python -m bench.download [--mb 500] [--rounds 5]`.

The client is the same for all: one connection that throws the bytes away. The whole file is held against the whole file; a Range that leaves
out only the first byte too, since granian's static files know no ranges. Seconds of the client's clock, processor seconds of the server's
processes, and how far the api's memory grew above what it was.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from bench.kept import keep
from bench.server import serving
from tests.stack import FAST, Stack, free_port, running

ROOT = Path(__file__).resolve().parents[1]
MB = 1_000_000
_ROW_BYTES = 100
_TARGETS = {"whole": 1.3, "range": 2.0}
_TARGET_GROWTH_MB = 20


@dataclass(frozen=True)
class Taken:
    """What one download took."""

    wall_s: float
    cpu_s: float


def main() -> None:
    """Measure, print the rows, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder, running(Path(folder) / "home", **FAST) as stack:
        path, file = _result(stack, asked.mb * MB)
        api = stack.pids("api")
        for pid in api:
            _forget_peak(pid)
        before = sum(psutil.Process(pid).memory_info().rss for pid in api)
        with _static(file.parent) as (port, server):
            contenders = {
                "granian": (port, f"/static/{file.name}", "", server),
                "whole": (int(stack.url.rsplit(":", 1)[1]), path, "", api[0]),
                "range": (int(stack.url.rsplit(":", 1)[1]), path, "Range: bytes=1-\r\n", api[0]),
            }
            taken: dict[str, list[Taken]] = {name: [] for name in contenders}
            highest = before
            for _ in range(asked.rounds + 1):
                for name, contender in contenders.items():
                    taken[name].append(_download(*contender, least=file.stat().st_size - 1))
                    highest = max(highest, sum(_most_memory(pid) for pid in api))
        size_mb = file.stat().st_size / MB
    _tell({name: rounds[1:] for name, rounds in taken.items()}, size_mb=size_mb, growth_mb=(highest - before) / MB, rounds=asked.rounds)


def _tell(taken: dict[str, list[Taken]], *, size_mb: float, growth_mb: float, rounds: int) -> None:
    kept: dict[str, object] = {"megabytes": round(size_mb), "memory_growth_mb": round(growth_mb, 1), "rounds": {}}
    for name, target in _TARGETS.items():
        pairs = list(zip(taken[name], taken["granian"], strict=True))
        wall = statistics.median(ours.wall_s / theirs.wall_s for ours, theirs in pairs)
        cpu = statistics.median(ours.cpu_s / max(theirs.cpu_s, 0.01) for ours, theirs in pairs)
        speed = size_mb / statistics.median(ours.wall_s for ours in taken[name])
        kept[name] = {"wall_ratio": wall, "cpu_ratio": cpu, "megabytes_per_second": speed}
        print(f"| P17 | {name}, {size_mb:.0f} MB, {rounds} rounds | {wall:.2f} x wall, {cpu:.2f} x processor, {speed:.0f} MB/s | target {target} x |")
    print(f"| P17 | memory | {growth_mb:+.0f} MB | target +{_TARGET_GROWTH_MB} MB |", flush=True)
    kept["rounds"] = {name: [asdict(one) for one in rounds] for name, rounds in taken.items()}
    keep("P17", kept)


def _result(stack: Stack, size: int) -> tuple[str, Path]:
    """Run a query whose result is about so large; return where it is downloaded, and its file."""
    times = max(1, size // _ROW_BYTES // 10_000)
    sql = f"SELECT n, m, rpad('', {_ROW_BYTES - 20}, 'abcdefghij') AS t FROM UNNEST(sequence(1, 10000)) a (n), UNNEST(sequence(1, {times})) b (m)"
    query = stack.query(sql, timeout_s=600)
    assert query["state"] == "succeeded", query
    return f"/v1/queries/{query['id']}/download", next((stack.home / "objects" / "ws").glob(f"*/results/{query['id']}/*/result.csv"))


def _download(port: int, path: str, header: str, server: int, *, least: int) -> Taken:
    """Fetch a path and throw it away; at least so many bytes have to come."""
    began, used = time.perf_counter(), _cpu_s(server)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{header}Connection: close\r\n\r\n".encode())
        buffer = bytearray(1 << 20)
        count = connection.recv_into(buffer)
        assert bytes(buffer[9:12]) in (b"200", b"206"), bytes(buffer[:count])
        received = count
        while count := connection.recv_into(buffer):
            received += count
    assert received > least, (received, least)
    return Taken(time.perf_counter() - began, _cpu_s(server) - used)


def _cpu_s(pid: int) -> float:
    process = psutil.Process(pid)
    return sum(sum(one.cpu_times()[:2]) for one in [process, *process.children(recursive=True)])


def _forget_peak(pid: int) -> None:
    peak = Path(f"/proc/{pid}/clear_refs")
    if peak.exists():
        peak.write_text("5")


def _most_memory(pid: int) -> int:
    """Return the most memory that the process had since its peak was forgotten; where that is not told, what it has."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return int(psutil.Process(pid).memory_info().rss)
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


@contextmanager
def _static(folder: Path) -> Iterator[tuple[int, int]]:
    """Serve a folder by granian's own static files; yield its port and its process."""
    with tempfile.TemporaryDirectory() as home:
        Path(home, "nothing.py").write_text("async def app(scope, receive, send):\n    raise RuntimeError\n")
        port = free_port()
        command = [sys.executable, "-m", "granian", "--interface", "asginl", "--port", str(port), "--no-log", "--static-path-mount", str(folder)]
        environment = {**os.environ, "PYTHONPATH": home}
        with serving([*command, "nothing:app"], port, folder=Path(home), environment=environment) as process:
            yield port, process


if __name__ == "__main__":
    main()
