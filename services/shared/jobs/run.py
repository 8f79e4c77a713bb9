"""One attempt at a job: claim, lease, progress, cancel, and the way it ends.

A step is a plain function of a `Run`. It ends its job in a transaction of its own (`run.succeed`), or returns a `Next` to go
on in another task, or raises. Whatever it raises, the job is in a state from which it ends by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from services.shared.errors import InternalError, LeaseLost, Problem
from services.shared.jobs.model import Job, Wait
from services.shared.jobs.store import JobStore
from services.shared.logs import bind, get_logger
from services.shared.outbox import Outbox
from services.shared.progress import ProgressBoard
from services.shared.settings import Settings
from services.shared.storage.room import disk_full, is_disk_full
from services.shared.traces import mark, note, span

_LOOK_S = 0.5
_SHOW_S = 0.25
log = get_logger()


class CancelRequested(Exception):
    """Someone asked for the job's end; raised between two pieces of work."""


class StopRequested(Exception):
    """The process is about to stop; the job is handed back. Raised between two pieces of work where no signal reaches."""


@dataclass(frozen=True)
class Next:
    """The job goes on in another task: at once, after a delay, or when what it waits for has come."""

    phase: str
    wait: Wait | None = None
    delay_s: float = 0


class Run:
    """What a step sees of its job."""

    def __init__(self, job: Job, store: JobStore, outbox: Outbox, board: ProgressBoard) -> None:
        self.job = job
        self.phase = job.phase or "starting"
        self._store = store
        self._outbox = outbox
        self._board = board
        self._lost = threading.Event()
        self._stop = threading.Event()
        self._looked = 0.0
        self._shown = 0.0
        self._rate = Rate(job.progress)
        self._progress: dict[str, Any] = dict(job.progress or {})

    def check(self, *, at_once: bool = False) -> None:
        """Raise CancelRequested, LeaseLost or StopRequested if the work must end here; cheap enough for every chunk."""
        if self._lost.is_set():
            raise LeaseLost(self.job.id)
        if self._stop.is_set():
            raise StopRequested(self.job.id)
        now = time.monotonic()
        if at_once or now - self._looked >= _LOOK_S:
            self._looked = now
            if self._store.watch(self.job):
                raise CancelRequested(self.job.id)

    def stop(self) -> None:
        """Ask the step, from another thread, to hand its job back at its next look."""
        self._stop.set()

    def report(
        self, *, bytes_done: int | None = None, bytes_total: int | None = None, records_done: int | None = None, phase: str | None = None
    ) -> None:
        """Say how far the work is, and look whether it must end; shown at most four times a second."""
        changed = phase is not None and phase != self.phase
        if changed:
            mark("phase", phase=phase)
        self.phase = phase or self.phase
        self._progress = self._progress | self._rate.measure(bytes_done, bytes_total, records_done, self._progress)
        now = time.monotonic()
        if changed or now - self._shown >= _SHOW_S:
            self._shown = now
            self._show()
        self.check()

    def save(self, checkpoint: dict[str, Any]) -> None:
        """Record a checkpoint; a later attempt starts from it."""
        with self._store.database.write() as tx:
            self._store.save(tx, self.job, checkpoint=checkpoint, phase=self.phase, progress=self._progress)

    def succeed(self, tx: Connection, result: dict[str, Any]) -> None:
        """End the job in the transaction that makes its effect visible; a step whose effect can still be left looks first (`check`)."""
        if "bytes_total" in self._progress:
            self._progress = self._progress | {"percent": 100.0, "bytes_done": self._progress["bytes_total"], "eta_seconds": 0}
        self._store.succeed(tx, self.job, result=result, progress=self._progress or None, phase=self.phase)

    def renew(self) -> bool:
        """Extend the lease; False ends the attempt."""
        if self._store.renew(self.job, progress=self._progress or None):
            return True
        self._lost.set()
        return False

    def _show(self) -> None:
        self._board.put(self.job.id, {"attempt": self.job.attempt, "phase": self.phase, **self._progress})

    def hand_over(self, outcome: Next) -> None:
        """Queue the job for its next task."""
        with self._store.database.write() as tx:
            self._store.hand_over(tx, self.job, phase=outcome.phase, progress=self._progress or None, wait=outcome.wait, delay_s=outcome.delay_s)
        self.phase = outcome.phase
        self._show()
        self._outbox.send_new()

    def end(self, problem: Problem | None) -> None:
        """End the job as failed, or, without a problem, as cancelled."""
        with self._store.database.write() as tx:
            if problem is None:
                self._store.end_cancelled(tx, self.job, progress=self._progress or None, phase=self.phase)
            else:
                self._store.fail(tx, self.job, problem, progress=self._progress or None, phase=self.phase)


Step = Callable[[Run], Next | None]


class Runner:
    """Runs steps under leases; one in each process."""

    def __init__(self, store: JobStore, outbox: Outbox, board: ProgressBoard, settings: Settings) -> None:
        self._store = store
        self._outbox = outbox
        self._board = board
        self._settings = settings
        self._running: dict[tuple[str, int], Run] = {}

    def execute(self, job_id: str, step: Step) -> None:
        """Claim the job and take one step; a job that cannot be claimed is a duplicate message and nothing happens."""
        job = self._store.claim(job_id)
        if job is None:
            log.debug("job.not_claimed", job_id=job_id)
            return
        bind(job_id=job.id, request_id=job.request_id, attempt=job.attempt)
        run = Run(job, self._store, self._outbox, self._board)
        self._running[job.id, job.attempt] = run
        log.info("job.claimed", kind=job.kind, phase=job.phase)
        known = {"job__id": job.id, "job__kind": job.kind.value, "job__attempt": job.attempt, "request__id": job.request_id}
        try:
            with span(f"job {job.kind}", parent=job.traceparent, **known), self._leased(run):
                self._take(step, run)
        except LeaseLost:
            log.warning("job.lease_lost")
        finally:
            del self._running[job.id, job.attempt]

    def stop_all(self) -> None:
        """Ask every running step to hand its job back (the query service's threads get no exception at SIGTERM)."""
        for run in list(self._running.values()):
            run.stop()

    def running(self) -> list[Run]:
        """Return the runs of this process."""
        return list(self._running.values())

    def _take(self, step: Step, run: Run) -> None:
        try:
            outcome = step(run)
            if outcome is not None:
                run.hand_over(outcome)
                log.info("job.handed_over", phase=outcome.phase, waits_on=outcome.wait.on if outcome.wait else None)
            else:
                log.info("job.succeeded")
                self._outbox.send_new()
        except CancelRequested:
            run.end(None)
            log.info("job.cancelled")
            self._outbox.send_new()
        except LeaseLost:
            raise
        except Problem as problem:
            run.end(problem)
            note(failed=True, problem__code=problem.code)
            log.info("job.failed", code=problem.code, detail=problem.detail)
            self._outbox.send_new()
        except StopRequested:
            run.hand_over(Next(run.phase))
            log.info("job.handed_back")
        except (SystemExit, KeyboardInterrupt):
            with suppress(LeaseLost):
                run.hand_over(Next(run.phase))
                log.info("job.handed_back")
            raise
        except Exception as error:
            note(failed=True)
            log.exception("job.stumbled")
            inside = InternalError("Something failed inside Headwater; its log names the job.")
            self._store.stumble(run.job, disk_full() if is_disk_full(error) else inside)
            self._outbox.send_new()

    @contextmanager
    def _leased(self, run: Run) -> Iterator[None]:
        over = threading.Event()

        def keep() -> None:
            while not over.wait(self._settings.renew_s):
                try:
                    if not run.renew():
                        return
                except SQLAlchemyError as error:
                    log.warning("job.renewal_delayed", job_id=run.job.id, reason=type(error).__name__)

        keeper = threading.Thread(target=keep, name=f"lease-{run.job.id}", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            over.set()
            keeper.join()


class Rate:
    """Bytes a second over the last seconds, and the time left at that rate."""

    def __init__(self, before: dict[str, Any] | None) -> None:
        self._marks: list[tuple[float, int]] = []
        self._total = (before or {}).get("bytes_total")

    def measure(self, done: int | None, total: int | None, records: int | None, known: Mapping[str, Any]) -> dict[str, Any]:
        """Return the figures that are new, given those that are known; `done` never passes `total`."""
        now = time.monotonic()
        values: dict[str, Any] = {}
        if total is not None:
            self._total = total
            values["bytes_total"] = total
        if records is not None:
            values["records_done"] = records
        if done is None:
            return values
        done = max(done, int(known.get("bytes_done") or 0))
        done = min(done, self._total) if self._total else done
        self._marks = [*[mark for mark in self._marks if now - mark[0] <= 5][-50:], (now, done)]
        elapsed = now - self._marks[0][0]
        rate = (done - self._marks[0][1]) / elapsed if elapsed > 0 else 0.0
        values |= {"bytes_done": done, "bytes_per_second": round(rate)}
        if self._total:
            values["percent"] = round(100 * done / self._total, 2)
            values["eta_seconds"] = round((self._total - done) / rate, 1) if rate > 0 else None
        return values
