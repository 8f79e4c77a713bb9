"""The only place where a job changes state; each change is one conditional UPDATE that names what it expects.

A claim raises the attempt, and every later write names it, so a worker that was presumed dead changes nothing when it
wakes up: its UPDATE finds no row and `LeaseLost` is raised. Functions that take a `tx` join the caller's transaction, so
that a job's end and what it did to its resource are one commit.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, literal, or_, select, update

from services.shared.clock import Clock, utc_now
from services.shared.errors import JobFinished, JobNotFound, JobNotRetryable, LeaseLost, Problem, WorkerLost
from services.shared.ids import new_id
from services.shared.jobs import settle
from services.shared.jobs.model import ID_PREFIX, OWN_WORK, QUEUES, TERMINAL, Job, Kind, NewJob, State, Wait, job_from
from services.shared.principal import Principal
from services.shared.records.database import Database
from services.shared.records.tables import UtcTime, jobs, outbox, uploads
from services.shared.settings import Settings
from services.shared.traces import current_traceparent

_MAX_DELAY_S = 60


class JobStore:
    """Jobs in the records."""

    def __init__(self, database: Database, settings: Settings, *, clock: Clock = utc_now) -> None:
        self.database = database
        self._settings = settings
        self._clock = clock

    def submit(self, tx: Connection, new: NewJob, *, principal: Principal) -> Job:
        """Record a queued job and the message that will start it."""
        now = self._clock()
        job_id = new.id or new_id(ID_PREFIX[new.kind])
        tx.execute(
            insert(jobs).values(
                id=job_id,
                workspace=principal.workspace,
                owner=principal.owner,
                created_at=now,
                kind=new.kind,
                lane=new.lane,
                state=State.QUEUED,
                phase=new.phase,
                resource_type=new.resource_type,
                resource_id=new.resource_id,
                params=new.params,
                request_id=new.request_id,
                traceparent=current_traceparent(),
                attempt=0,
                failures=0,
                waits_on=new.waits_on,
                waits_for_bytes=new.waits_for_bytes,
                queued_at=now,
            )
        )
        if new.waits_on is None:
            self._enqueue(tx, job_id, new.kind, lane=new.lane)
        return self.load(tx, job_id)

    def submit_done(self, tx: Connection, new: NewJob, *, principal: Principal, result: dict[str, Any]) -> Job:
        """Record a job whose work was done before; it is not sent to anyone."""
        job = self.submit(tx, new, principal=principal)
        tx.execute(delete(outbox).where(outbox.c.job_id == job.id))
        now = self._clock()
        values = {"state": State.SUCCEEDED, "result": result, "started_at": now, "finished_at": now}
        tx.execute(update(jobs).where(jobs.c.id == job.id, jobs.c.state == State.QUEUED).values(**values))
        return self.load(tx, job.id)

    def load(self, tx: Connection, job_id: str, *, lock: bool = False) -> Job:
        """Return the job as this transaction sees it, or raise JobNotFound; a locked one stays so until the transaction ends."""
        found = select(jobs).where(jobs.c.id == job_id)
        row = tx.execute(found.with_for_update() if lock else found).mappings().first()
        if row is None:
            raise JobNotFound(f"There is no job {job_id}.")
        return job_from(row)

    def get(self, job_id: str) -> Job:
        """Return the job, or raise JobNotFound."""
        with self.database.read() as tx:
            return self.load(tx, job_id)

    def claim(self, job_id: str) -> Job | None:
        """Take a queued job that waits for nothing; None means that this message is a duplicate or came too early."""
        now = self._clock()
        with self.database.write() as tx:
            taken = tx.execute(
                update(jobs)
                .where(
                    jobs.c.id == job_id,
                    jobs.c.state == State.QUEUED,
                    jobs.c.waits_on.is_(None),
                    or_(jobs.c.not_before.is_(None), jobs.c.not_before <= now),
                )
                .values(
                    state=State.RUNNING,
                    attempt=jobs.c.attempt + 1,
                    lease_until=now + timedelta(seconds=self._settings.lease_s),
                    heartbeat_at=now,
                    started_at=func.coalesce(jobs.c.started_at, literal(now, UtcTime)),
                    not_before=None,
                )
            )
            if taken.rowcount == 0:
                return None
            tx.execute(delete(outbox).where(outbox.c.job_id == job_id))
            return self.load(tx, job_id)

    def renew(self, job: Job, *, progress: dict[str, Any] | None) -> bool:
        """Extend the lease; False means that another attempt owns the job."""
        now = self._clock()
        values: dict[str, Any] = {"lease_until": now + timedelta(seconds=self._settings.lease_s), "heartbeat_at": now}
        if progress is not None:
            values["progress"] = progress
        with self.database.write(durable=False) as tx:
            return tx.execute(update(jobs).where(_held(job)).values(values)).rowcount == 1

    def watch(self, job: Job) -> bool:
        """Return whether a cancel was asked for; raise LeaseLost if another attempt owns the job."""
        with self.database.read() as tx:
            row = tx.execute(select(jobs.c.cancel_requested_at).where(_held(job))).first()
        if row is None:
            raise LeaseLost(job.id)
        return row[0] is not None

    def save(self, tx: Connection, job: Job, *, checkpoint: dict[str, Any], phase: str, progress: dict[str, Any] | None) -> None:
        """Record a checkpoint; a job that made progress has its failures forgiven."""
        self._change(
            tx,
            job,
            checkpoint=checkpoint,
            phase=phase,
            failures=0,
            heartbeat_at=self._clock(),
            **({"progress": progress} if progress else {}),
        )

    def hand_over(
        self, tx: Connection, job: Job, *, phase: str, progress: dict[str, Any] | None, wait: Wait | None = None, delay_s: float = 0
    ) -> bool:
        """Queue the job for its next task; with a `wait` that is not over it stays queued until then. False: a cancel came first."""
        if self.load(tx, job.id, lock=True).cancel_requested_at is not None:
            self.end_cancelled(tx, job, progress=progress)
            return False
        if wait is not None and is_over(tx, wait):
            wait = None
        now = self._clock()
        self._change(
            tx,
            job,
            state=State.QUEUED,
            phase=phase,
            lease_until=None,
            waits_on=wait.on if wait else None,
            waits_for_bytes=wait.for_bytes if wait else None,
            not_before=now + timedelta(seconds=delay_s) if delay_s else None,
            **({"progress": progress} if progress else {}),
        )
        if wait is None:
            self._enqueue(tx, job.id, job.kind, lane=job.lane, delay_s=delay_s)
        return True

    def succeed(self, tx: Connection, job: Job, *, result: dict[str, Any], progress: dict[str, Any] | None, phase: str | None = None) -> None:
        """End the job well."""
        self._end(tx, job, State.SUCCEEDED, progress=progress, phase=phase, result=result)

    def fail(self, tx: Connection, job: Job, problem: Problem, *, progress: dict[str, Any] | None = None, phase: str | None = None) -> None:
        """End the job with the problem that a failed request would have answered with."""
        self._end(tx, job, State.FAILED, progress=progress, phase=phase, error=problem.to_json(instance=path_of(job)))

    def end_cancelled(self, tx: Connection, job: Job, *, progress: dict[str, Any] | None, phase: str | None = None) -> None:
        """End a running job that was asked to stop."""
        self._end(tx, job, State.CANCELLED, progress=progress, phase=phase)

    def stumble(self, job: Job, problem: Problem) -> Job:
        """Count a failure that may pass: queue the job again, later each time, or end it when it was tried too often."""
        with self.database.write() as tx:
            failures = self.load(tx, job.id).failures + 1
            if failures >= self._settings.max_attempts:
                self.fail(tx, job, problem)
            else:
                delay_s = min(_MAX_DELAY_S, 2**failures)
                self._change(tx, job, failures=failures)
                self.hand_over(tx, job, phase="retrying", progress=None, delay_s=delay_s)
            return self.load(tx, job.id)

    def take_over_lost(self, *, limit: int = 100) -> list[Job]:
        """Queue again, or end, running jobs whose lease has run out; return them as they are now."""
        now = self._clock()
        lost = []
        with self.database.read() as tx:
            rows = tx.execute(select(jobs).where(jobs.c.state == State.RUNNING, jobs.c.lease_until < now).limit(limit)).mappings().all()
        for seen in map(job_from, rows):
            try:
                with self.database.write() as tx:
                    job = self.load(tx, seen.id, lock=True)
                    if job.lease_until != seen.lease_until:
                        continue
                    failures = job.failures + 1
                    if job.cancel_requested_at is not None:
                        self.end_cancelled(tx, job, progress=None)
                    elif failures >= self._settings.max_attempts:
                        self.fail(tx, job, WorkerLost(f"The worker died {failures} times without getting further than before."))
                    else:
                        self._change(tx, job, state=State.QUEUED, phase="retrying", failures=failures, lease_until=None)
                        self._enqueue(tx, job.id, job.kind, lane=job.lane)
                    lost.append(self.load(tx, job.id))
            except LeaseLost:
                continue
        return lost

    def wake(self, tx: Connection, waits_on: str, *, offset: int | None = None) -> list[str]:
        """Queue the jobs that wait for this job's end, or for this upload to reach `offset`; return their ids."""
        enough: ColumnElement[bool] = jobs.c.waits_for_bytes.is_(None)
        if offset is not None:
            enough = or_(enough, jobs.c.waits_for_bytes <= offset)
        waiting = and_(jobs.c.waits_on == waits_on, jobs.c.state == State.QUEUED, enough)
        woken = tx.execute(select(jobs.c.id, jobs.c.kind, jobs.c.lane).where(waiting)).all()
        for job_id, kind, lane in woken:
            if tx.execute(update(jobs).where(jobs.c.id == job_id, waiting).values(waits_on=None, waits_for_bytes=None)).rowcount:
                self._enqueue(tx, job_id, Kind(kind), lane=lane)
        return [job_id for job_id, _, _ in woken]

    def cancel(self, tx: Connection, job_id: str) -> Job:
        """Ask for the end of a job: a queued one ends now, a running one at its next look.

        One that is cancelled stays so; one that succeeded or failed raises JobFinished.
        """
        now = self._clock()
        job = self.load(tx, job_id, lock=True)
        if job.state is State.CANCELLED:
            return job
        if job.finished:
            raise JobFinished(f"The job {job_id} is already {job.state}.")
        if job.state is State.QUEUED:
            self._end(tx, job, State.CANCELLED, progress=None, cancel_requested_at=now)
        else:
            tx.execute(
                update(jobs)
                .where(jobs.c.id == job_id, jobs.c.cancel_requested_at.is_(None), jobs.c.state == State.RUNNING)
                .values(cancel_requested_at=now)
            )
        return self.load(tx, job_id)

    def retry(self, tx: Connection, job_id: str) -> Job:
        """Queue a failed or cancelled job again under its id, from its beginning, failures counted anew."""
        job = self.load(tx, job_id, lock=True)
        if job.state not in (State.FAILED, State.CANCELLED):
            raise JobNotRetryable(f"The job {job_id} is {job.state}; only a failed or cancelled one can be tried again.")
        settle.reopen(tx, job)
        self._change(
            tx,
            job,
            state=State.QUEUED,
            phase=None,
            failures=0,
            checkpoint=None,
            progress=None,
            result=None,
            error=None,
            queued_at=self._clock(),
            started_at=None,
            finished_at=None,
            cancel_requested_at=None,
            waits_on=None,
            waits_for_bytes=None,
            not_before=None,
        )
        self._enqueue(tx, job_id, job.kind, lane=job.lane)
        return self.load(tx, job_id)

    def wake_over(self) -> list[str]:
        """Queue every job whose wait is over though nobody woke it; return their ids."""
        waiting = select(jobs.c.waits_on, jobs.c.waits_for_bytes).where(jobs.c.state == State.QUEUED, jobs.c.waits_on.is_not(None))
        woken: list[str] = []
        with self.database.read() as tx:
            waits = [Wait(row.waits_on, row.waits_for_bytes) for row in tx.execute(waiting.distinct())]
        for wait in waits:
            with self.database.write() as tx:
                if is_over(tx, wait):
                    woken += self.wake(tx, wait.on, offset=wait.for_bytes)
        return woken

    def _end(self, tx: Connection, job: Job, state: State, *, progress: dict[str, Any] | None, phase: str | None = None, **values: Any) -> None:
        kept: dict[str, Any] = {"phase": phase or job.phase, **({"progress": progress} if progress else {})}
        self._change(tx, job, state=state, finished_at=self._clock(), lease_until=None, waits_on=None, waits_for_bytes=None, **kept, **values)
        tx.execute(delete(outbox).where(outbox.c.job_id == job.id))
        settle.release(tx, job, state, now=self._clock())
        if state is not State.SUCCEEDED:
            self._cancel_own_work(tx, job)
        self.wake(tx, job.id)

    def _cancel_own_work(self, tx: Connection, job: Job) -> None:
        """Cancel what the job has others do for it, such as the queries of a receipt that nobody will read."""
        going_on = jobs.c.state.in_((State.QUEUED, State.RUNNING))
        for job_id in tx.execute(select(jobs.c.id).where(jobs.c.resource_type == OWN_WORK, jobs.c.resource_id == job.id, going_on)).scalars().all():
            self.cancel(tx, job_id)

    def _change(self, tx: Connection, job: Job, **values: Any) -> None:
        if tx.execute(update(jobs).where(_held(job, state=job.state)).values(values)).rowcount == 0:
            raise LeaseLost(job.id)

    def _enqueue(self, tx: Connection, job_id: str, kind: Kind, *, lane: str | None, delay_s: float = 0) -> None:
        """Record the message; that of a lane is due once it is given a turn."""
        due = self._clock() + timedelta(seconds=delay_s) if lane is None else None
        tx.execute(delete(outbox).where(outbox.c.job_id == job_id))
        tx.execute(insert(outbox).values(job_id=job_id, queue=QUEUES[kind], due_at=due, sends=0))


def is_over(tx: Connection, wait: Wait) -> bool:
    """Return whether what is waited for has come; the row is locked, so that who brings it sees the waiting job, or we see it."""
    if wait.for_bytes is None:
        row = tx.execute(select(jobs.c.state).where(jobs.c.id == wait.on).with_for_update(read=True)).first()
        return row is None or State(row.state) in TERMINAL
    upload = tx.execute(select(uploads.c.state, uploads.c.offset).where(uploads.c.id == wait.on).with_for_update(read=True)).first()
    return upload is None or upload.state != "receiving" or upload.offset >= wait.for_bytes


def path_of(job: Job) -> str:
    """Return the job's own address, the `instance` of its problem."""
    return f"/v1/{'queries' if job.kind is Kind.QUERY else 'jobs'}/{job.id}"


def _held(job: Job, *, state: State = State.RUNNING) -> ColumnElement[bool]:
    return and_(jobs.c.id == job.id, jobs.c.attempt == job.attempt, jobs.c.state == state)
