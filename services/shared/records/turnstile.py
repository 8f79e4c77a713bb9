"""The turnstile: the threads of one process come to SQLite's one write lock in the order of their arrival.

SQLite lets waiting writers sleep longer and longer, and whoever looks at the right moment is next, so under load some wait for
seconds while others pass them. Here one thread of a process asks at a time, and asks often; the others stand in line behind it. Of several
processes one is next, by a lock on a file that it holds until it has SQLite's: who has just written can't pass it. The file's lock ends
with its process.
"""

from __future__ import annotations

import fcntl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import TimeoutError as RecordsTimeout

_LOOK_EVERY_S = 0.001


class Turnstile:
    """A line of threads; what its first one takes is held for one write transaction and nothing else."""

    def __init__(self, *, timeout_s: float, file: Path | None = None) -> None:
        self._timeout_s = timeout_s
        self._file = file
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
            yield lambda take: self._take_as_next(take, deadline)
        finally:
            with self._guard:
                self._line.remove(mine)
                if self._line:
                    self._line[0].set()

    def _take_as_next(self, take: Callable[[], bool], deadline: float) -> None:
        if self._file is None:
            self._insist(take, deadline)
            return
        with self._file.open("ab") as file:
            self._insist(lambda: _lock(file.fileno()), deadline)
            self._insist(take, deadline)

    def _insist(self, take: Callable[[], bool], deadline: float) -> None:
        while not take():
            if time.monotonic() >= deadline:
                raise RecordsTimeout(f"The records were not free for {self._timeout_s:g} s.")
            time.sleep(_LOOK_EVERY_S)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
