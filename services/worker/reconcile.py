"""The reconciler: at every tick it ends, sends or frees what nobody else will; two at once do no harm.

Redis may lose anything, workers may die anywhere, and clients may never come back: each thing to put right is found in the
records, by a statement that is repeatable.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import redis
from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError

from services.shared.clock import utc_now
from services.shared.logs import get_logger
from services.shared.records.tables import idempotency_keys
from services.shared.uploads_sweep import expire_uploads, fail_dead_one_shots, free_unnamed
from services.worker.deps import Worker
from services.worker.forget import forget_queries, free_results, sweep_results
from services.worker.sweep import mend_catalog, sweep_staging, sweep_versions, sweep_work

_TICKS_A_SWEEP = 30
_RECENT = timedelta(minutes=1)
log = get_logger()


def reconcile(worker: Worker) -> None:
    """Look at everything once; what fails is left for the next tick and does not keep the rest from its turn."""
    for chore in (_take_over, _mend_recent, _wake, _send, _end_uploads, _free_results, _forget_keys):
        _try(chore, worker)
    if int(utc_now().timestamp() // worker.settings.reconcile_s) % _TICKS_A_SWEEP == 0:
        for chore in (_forget_queries, _mend_catalog, _sweep_versions, _sweep_work, _sweep_staging, _sweep_results):
            _try(chore, worker)
    _try(_tell_of_it, worker)


def _try(chore: Callable[[Worker], None], worker: Worker) -> None:
    try:
        chore(worker)
    except (SQLAlchemyError, redis.RedisError, OSError) as error:
        log.warning("reconcile.postponed", chore=chore.__name__.strip("_"), reason=f"{type(error).__name__}: {error}"[:200])


def _tell_of_it(worker: Worker) -> None:
    worker.heartbeats.reconciled()


def _take_over(worker: Worker) -> None:
    for job in worker.jobs.take_over_lost():
        log.warning("job.taken_over", job_id=job.id, state=job.state, failures=job.failures)


def _wake(worker: Worker) -> None:
    for job_id in worker.jobs.wake_over():
        log.info("job.woken", job_id=job_id)


def _send(worker: Worker) -> None:
    sent = worker.outbox.send_due(worker.redis)
    if sent:
        log.info("outbox.sent", count=sent)


def _end_uploads(worker: Worker) -> None:
    now = utc_now()
    for upload_id in fail_dead_one_shots(worker.database, worker.outbox, worker.jobs, worker.settings, now=now):
        log.warning("upload.failed", upload_id=upload_id, reason="its request died")
    for upload_id in expire_uploads(worker.database, worker.parts, worker.jobs, now=now):
        log.info("upload.expired", upload_id=upload_id)
    for upload_id in free_unnamed(worker.database, worker.parts):
        log.info("upload.freed", upload_id=upload_id)


def _free_results(worker: Worker) -> None:
    _tell("results.freed", free_results(worker))


def _forget_queries(worker: Worker) -> None:
    _tell("queries.forgotten", forget_queries(worker))


def _forget_keys(worker: Worker) -> None:
    with worker.database.write() as tx:
        tx.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < utc_now() - timedelta(seconds=worker.settings.idempotency_s)))


def _mend_recent(worker: Worker) -> None:
    """What a dead attempt did to the catalog is undone as soon as its job has ended otherwise."""
    _tell("catalog.mended", mend_catalog(worker, changed_since=utc_now() - _RECENT - timedelta(seconds=3 * worker.settings.reconcile_s)))


def _mend_catalog(worker: Worker) -> None:
    _tell("catalog.mended", mend_catalog(worker))


def _sweep_versions(worker: Worker) -> None:
    _tell("versions.freed", sweep_versions(worker))


def _sweep_work(worker: Worker) -> None:
    _tell("work.freed", sweep_work(worker))


def _sweep_staging(worker: Worker) -> None:
    _tell("staging.freed", sweep_staging(worker))


def _sweep_results(worker: Worker) -> None:
    _tell("results.swept", sweep_results(worker))


def _tell(event: str, count: int) -> None:
    if count:
        log.info(event, count=count)
