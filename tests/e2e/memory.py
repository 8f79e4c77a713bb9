"""How much memory each process of the running product takes at its highest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.stack import Stack

MB = 1_000_000
_EVERY_S = 0.2
_KIND = {"worker-profile": 1000 * MB, "worker-publish": 1000 * MB, "worker-housekeeping": 1000 * MB}
_LIMIT = 600 * MB


class Peaks:
    """The highest resident memory of each process, by what the process is."""

    def __init__(self) -> None:
        self.bytes: dict[str, int] = {}
        self.samples = 0

    def look(self, root: int) -> None:
        """Take one sample of a process and everything below it."""
        parent = psutil.Process(root)
        for process in [parent, *parent.children(recursive=True)]:
            try:
                name, size = _name(process.cmdline()), process.memory_info().rss
            except psutil.Error:
                continue
            self.bytes[name] = max(self.bytes.get(name, 0), size)
        self.samples += 1

    def table(self) -> str:
        """Return the peaks as lines to print, the largest first."""
        rows = sorted(self.bytes.items(), key=lambda item: -item[1])
        lines = [f"{name:24} {size / MB:8.1f} MB of {limit_of(name) / MB:6.0f}" for name, size in rows]
        return "\n".join(["", *lines, f"{self.samples} samples, one every {_EVERY_S} s"])

    def too_large(self) -> dict[str, int]:
        """Return the processes that took more than they may."""
        return {name: size for name, size in self.bytes.items() if size > limit_of(name)}


def limit_of(name: str) -> int:
    """Return how much a process may take."""
    return _KIND.get(name, _LIMIT)


@contextmanager
def watched(stack: Stack) -> Iterator[Peaks]:
    """Sample the product's processes until the block ends."""
    peaks, over = Peaks(), threading.Event()

    def sample() -> None:
        while not over.wait(_EVERY_S):
            peaks.look(stack.process.pid)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()


def _name(line: list[str]) -> str:
    if "--queues" in line:
        queues = line[line.index("--queues") + 1]
        return queues if queues == "query" else f"worker-{queues}"
    for mark in ("beat", "flower"):
        if mark in line:
            return mark
    if "-m" in line:
        return line[line.index("-m") + 1]
    return line[0].split()[0].rsplit("/", 1)[-1] if line else "ended"
