"""One more worker beside the product's own: the second of a queue, with settings of its own."""

from __future__ import annotations

import os
import signal
import subprocess
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

    def interrupt(self) -> None:
        """Ask a worker that stands still in the middle of a task to stop; the task's process is told before it makes another move."""
        leader, *pool = self.family()
        os.kill(leader, signal.SIGTERM)
        os.kill(leader, signal.SIGCONT)
        until(lambda: all(map(_is_told, pool)), timeout_s=30, what="the worker tells its pool")

    def family(self) -> list[int]:
        """Return its processes."""
        return [self.process.pid, *(child.pid for child in psutil.Process(self.process.pid).children(recursive=True))]


def _is_told(pid: int) -> bool:
    """Whether SIGQUIT, by which this worker ends its tasks, waits for a process that stands still."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool(int(fields["ShdPnd"], 16) >> (signal.SIGQUIT - 1) & 1)


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
