"""Live progress: what a running job shows between two checkpoints, asked of Redis seldom and never at the cost of an answer."""

from __future__ import annotations

import threading
import time
from typing import Any, Protocol

from services.shared.jobs.model import Job, State

_KEPT_S = 0.2
_SLOW_S = 0.25
_PAUSE_S = 2.0
_MOST = 4_096


class Board(Protocol):
    """Where workers show how far they are."""

    def find(self, job_id: str) -> dict[str, Any] | None:
        """Return the latest progress shown, or None."""
        ...


class LiveProgress:
    """The progress shown for running jobs, kept for a fifth of a second; a Redis that hangs is left alone for a while."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, dict[str, Any] | None]] = {}
        self._paused_until = 0.0

    def merged(self, job: Job) -> tuple[str | None, dict[str, Any]]:
        """Return the job's phase and progress: what this attempt shows, unless the record is already further."""
        recorded = job.progress or {}
        shown = self._find(job.id) if job.state is State.RUNNING else None
        if shown is None or shown.get("attempt") != job.attempt:
            return job.phase, recorded
        if (shown.get("bytes_done") or 0) < (recorded.get("bytes_done") or 0):
            return shown.get("phase") or job.phase, recorded
        return shown.get("phase") or job.phase, {**recorded, **shown}

    def _find(self, job_id: str) -> dict[str, Any] | None:
        now = time.monotonic()
        with self._lock:
            at, kept = self._kept.get(job_id, (0.0, None))
            if now - at < _KEPT_S or now < self._paused_until:
                return kept
        found = self._board.find(job_id)
        with self._lock:
            if time.monotonic() - now > _SLOW_S:
                self._paused_until = time.monotonic() + _PAUSE_S
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[job_id] = (time.monotonic(), found)
        return found
