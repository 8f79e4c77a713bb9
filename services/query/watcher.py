"""The watcher: one thread that stops executions whose job was cancelled, taken over, or must be handed back."""

from __future__ import annotations

import threading

from sqlalchemy.exc import SQLAlchemyError

from services.query.engines.port import Engine
from services.shared.errors import LeaseLost
from services.shared.jobs.run import CancelRequested, Run, StopRequested
from services.shared.logs import get_logger

_EVERY_S = 0.5
log = get_logger()


class Watcher:
    """Looks at every running query twice a second: the thread that runs one is inside the engine and can't."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._followed: dict[str, tuple[Run, str]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def follow(self, run: Run, execution_id: str) -> None:
        """Stop this execution as soon as its run must end."""
        with self._lock:
            self._followed[run.job.id] = (run, execution_id)
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="query-watcher", daemon=True)
                self._thread.start()

    def leave(self, run: Run) -> None:
        """Follow a run no more."""
        with self._lock:
            self._followed.pop(run.job.id, None)

    def _look(self) -> None:
        pause = threading.Event()
        while True:
            with self._lock:
                followed = list(self._followed.values())
                if not followed:
                    self._thread = None
                    return
            for run, execution_id in followed:
                self._stop_if_over(run, execution_id)
            pause.wait(_EVERY_S)

    def _stop_if_over(self, run: Run, execution_id: str) -> None:
        try:
            run.check(at_once=True)
        except (CancelRequested, LeaseLost, StopRequested):
            self._engine.stop(execution_id)
        except SQLAlchemyError as error:
            log.warning("query.watch_delayed", job_id=run.job.id, reason=type(error).__name__)
