"""One more worker beside the product's own: the second of a queue, with settings of its own."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.stack import ROOT, Stack, until


class Worker:
    """A worker process that the supervisor does not know."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def said(self, what: str) -> int:
        """Return how often its log has these words."""
        return self._log.read_text(errors="replace").count(what)

    def terminate(self) -> float:
        """Ask it to stop, wait for its end, and return how long that took."""
        started = time.monotonic()
        self.process.terminate()
        self.process.wait(60)
        return time.monotonic() - started

    def family(self) -> list[int]:
        """Return its processes."""
        return [self.process.pid, *(child.pid for child in psutil.Process(self.process.pid).children(recursive=True))]


@contextmanager
def one_more(stack: Stack, service: str, folder: Path, *, name: str, soft_stop_s: float = 5, **settings: str) -> Iterator[Worker]:
    """Run another process of a service, with the same command and environment, until the block ends."""
    model = psutil.Process(until(lambda: stack.pids(service) or None, timeout_s=60, what=f"a process of {service}")[0])
    command = [part.replace(f"{service}@", f"{name}@") for part in model.cmdline()]
    command = [f"worker_soft_shutdown_timeout={soft_stop_s}" if part.startswith("worker_soft_shutdown_timeout=") else part for part in command]
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env={**model.environ(), **settings}, stdout=output, stderr=subprocess.STDOUT)
    worker = Worker(process, log)
    try:
        until(lambda: worker.said(" ready.") > 0, timeout_s=60, what=f"{name} is ready")
        yield worker
    finally:
        if process.poll() is None:
            for pid in reversed(worker.family()):
                psutil.Process(pid).kill()
            process.wait()
