"""Shares: how much of the memory that all queries share each of them may use."""

from __future__ import annotations

import threading
from typing import Final

LEAST: Final = 32 << 20


class Shares:
    """Gives a query half of what is free, and the last slot all of it, so that a lone query is fast and the sum is bounded."""

    def __init__(self, total_bytes: int, slots: int) -> None:
        self._free = total_bytes
        self._slots = slots
        self._lock = threading.Lock()

    def take(self) -> int:
        """Return the bytes that one more query may use; at least LEAST, even when more queries run than there are slots."""
        with self._lock:
            share = max(LEAST, self._free // 2 if self._slots > 1 else self._free)
            self._slots -= 1
            self._free -= share
            return share

    def give_back(self, share: int) -> None:
        """Return a share that was taken."""
        with self._lock:
            self._slots += 1
            self._free += share
