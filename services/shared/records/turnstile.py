"""The turnstile: the threads of one process come to SQLite's one write lock in the order of their arrival.

SQLite lets waiting writers sleep longer and longer, and whoever looks at the right moment is next, so under load some wait for
seconds while others pass them. Here one thread of a process asks at a time, and asks often; the others stand in line behind it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import TimeoutError as RecordsTimeout

_LOOK_EVERY_S = 0.001


class Turnstile:
    """A line of threads; what its first one takes is held for one write transaction and nothing else."""

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._guard = threading.Lock()
        self._line: deque[threading.Event] = deque()

    def __len__(self) -> int:
        return len(self._line)

    @contextmanager
    def turn(self) -> Iterator[Callable[[Callable[[], bool]], None]]:
        """Wait until this thread is first; yield what repeats a `take` until it says True. Raise RecordsTimeout where either lasts too long."""
        deadline = time.monotonic() + self._timeout_s
        mine = threading.Event()
        with self._guard:
            if not self._line:
                mine.set()
            self._line.append(mine)
        try:
            if not mine.wait(self._timeout_s):
                raise RecordsTimeout(f"The records were not free for {self._timeout_s:g} s.")
            yield lambda take: self._insist(take, deadline)
        finally:
            with self._guard:
                self._line.remove(mine)
                if self._line:
                    self._line[0].set()

    def _insist(self, take: Callable[[], bool], deadline: float) -> None:
        while not take():
            if time.monotonic() >= deadline:
                raise RecordsTimeout(f"The records were not free for {self._timeout_s:g} s.")
            time.sleep(_LOOK_EVERY_S)
