"""Faults of processes, of the broker, and a storm of them."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

import psutil

from tests.chaos.broker import Broker
from tests.freezing import frozen
from tests.stack import Stack, signal_all, until

Fault = Callable[[], None]


def kill(stack: Stack, service: str) -> None:
    """End every process of a service at once, as soon as there is one: it may just have been killed."""
    until(lambda: stack.pids(service) or None, timeout_s=60, what=f"a process of {service} to kill")
    signal_all(stack.pids(service), signal.SIGKILL)


def freeze_past_the_lease(stack: Stack, service: str) -> None:
    """Freeze a service until its leases have run out; then it goes on as a zombie."""
    with frozen(stack, service):
        pause(6)


def pause(seconds: float) -> None:
    """Let a fault last: its length is the test's matter, not a wait for something."""
    threading.Event().wait(seconds)


def broken(broker: Broker) -> None:
    """Kill the broker and start it again."""
    broker.kill()
    broker.start()


def running_child(stack: Stack, service: str) -> int | None:
    """Return the process of a worker's pool that runs its tasks."""
    pids = stack.pids(service)
    with_children = [pid for pid in pids if _parent(pid) in pids]
    return with_children[0] if with_children else None


def _parent(pid: int) -> int | None:
    try:
        return psutil.Process(pid).ppid()
    except psutil.Error:
        return None


class Storm:
    """Faults in a thread of their own, one after the other, until the block ends."""

    def __init__(self, faults: dict[str, Fault], dice: random.Random, *, pause_s: tuple[float, float]) -> None:
        self.counts: Counter[str] = Counter()
        self._faults = faults
        self._dice = dice
        self._pause_s = pause_s
        self._over = threading.Event()
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._rage, name="storm", daemon=True)

    def __enter__(self) -> Storm:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._problem is not None:
            raise self._problem

    def rage(self, *, faults: int, timeout_s: float) -> None:
        """Let it go on until there were so many faults."""
        until(lambda: self._problem or self.counts.total() >= faults, timeout_s=timeout_s, what=f"{faults} faults")

    def _rage(self) -> None:
        try:
            while not self._over.wait(self._dice.uniform(*self._pause_s)):
                name = self._dice.choice(list(self._faults))
                self._faults[name]()
                self.counts[name] += 1
        except BaseException as problem:  # noqa: BLE001 - raised again in the test's thread
            self._problem = problem


def since(started: float) -> float:
    """Return the seconds since then, rounded for people."""
    return round(time.monotonic() - started, 1)
