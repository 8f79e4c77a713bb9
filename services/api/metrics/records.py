"""Figures from the records and of what the api depends on, asked for by a few indexed queries when someone wants them."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import BigInteger, Connection, case, func, select, type_coerce
from sqlalchemy.exc import SQLAlchemyError

from services.api.deps import Services
from services.api.health import look_at
from services.shared.clock import utc_now
from services.shared.heartbeats import Pulse
from services.shared.jobs.model import QUEUES, Kind, State
from services.shared.jobs.turns import Lane, lane_slots
from services.shared.records.tables import UtcTime, jobs, outbox, uploads
from services.shared.records.uploads import UploadState

_WINDOW = timedelta(minutes=15)
_MOST_JOBS = 500
_QUANTILES = (0.5, 0.95, 1.0)
_MICROSECONDS = 1_000_000
_JOBS = [(kind, state) for kind in Kind for state in State]
# Each count is a walk along its part of the index, which is cheaper than to group.
_COUNT_JOBS = select(
    *(select(func.count()).select_from(jobs).where(jobs.c.kind == kind, jobs.c.state == state).scalar_subquery() for kind, state in _JOBS)
)


class RecordsCollector(Collector):
    """Yields the figures; those whose source does not answer are left out, and `headwater_up` says which."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        """Ask each source once."""
        looked = look_at(self._services)
        answers = ((check.name, check.status == "ok") for check in looked.checks)
        yield _gauge("headwater_up", "Whether a dependency answers.", "dependency", answers)
        yield _gauge("headwater_disk_free_bytes", "Room left on the home's disk.", values=[shutil.disk_usage(self._services.settings.home).free])
        slots = lane_slots(self._services.settings).items()
        yield _gauge("headwater_query_slots", "How many queries and exports of a lane run at once.", "lane", slots)
        if looked.pulse is not None:
            yield from _of_workers(looked.pulse)
        try:
            with self._services.database.read() as tx:
                yield from _of_records(tx, utc_now())
        except SQLAlchemyError:
            return


def _of_workers(pulse: Pulse) -> Iterator[Metric]:
    living = ((queue, pulse.living.get(queue, 0)) for queue in _queues())
    yield _gauge("headwater_workers", "Workers of a queue that were heard lately.", "queue", living)
    yield _gauge("headwater_worker_heartbeat_age_seconds", "Since a worker of a queue was last heard.", "queue", pulse.age_s.items())
    if pulse.reconciled_s is not None:
        yield _gauge("headwater_reconciler_age_seconds", "Since the reconciler's last look at everything.", values=[pulse.reconciled_s])


def _of_records(tx: Connection, now: datetime) -> Iterator[Metric]:
    counts = dict(zip(_JOBS, tx.execute(_COUNT_JOBS).one(), strict=True))
    family = GaugeMetricFamily("headwater_jobs", "Jobs in the records.", labels=("kind", "state"))
    for labels, count in counts.items():
        family.add_metric(labels, count)
    yield family
    yield from _of_running(tx, now)
    yield from _of_outbox(tx, now)
    yield from _of_recent(tx, now)
    states = {row.state: row.uploads for row in tx.execute(select(uploads.c.state, func.count().label("uploads")).group_by(uploads.c.state))}
    yield _gauge("headwater_uploads", "Uploads in the records.", "state", ((state, states.get(state, 0)) for state in UploadState))


def _of_running(tx: Connection, now: datetime) -> Iterator[Metric]:
    in_lanes = select(jobs.c.lane, func.count().label("jobs")).where(jobs.c.state == State.RUNNING, jobs.c.lane.is_not(None)).group_by(jobs.c.lane)
    used = {row.lane: row.jobs for row in tx.execute(in_lanes)}
    yield _gauge("headwater_query_slots_used", "Queries and exports of a lane that run.", "lane", ((lane, used.get(lane, 0)) for lane in Lane))
    rows = tx.execute(select(jobs.c.kind, func.min(jobs.c.heartbeat_at).label("at")).where(jobs.c.state == State.RUNNING).group_by(jobs.c.kind))
    ages = ((row.kind, _age(now, row.at)) for row in rows if row.at is not None)
    yield _gauge("headwater_job_heartbeat_age_seconds", "Since the oldest heartbeat of a running job; none while none runs.", "kind", ages)


def _of_outbox(tx: Connection, now: datetime) -> Iterator[Metric]:
    # A job waits since it was queued, handed over (its last heartbeat) or allowed to begin, whichever came last.
    greatest = func.max if tx.dialect.name == "sqlite" else func.greatest
    since = greatest(*(func.coalesce(type_coerce(column, BigInteger), 0) for column in (jobs.c.queued_at, jobs.c.heartbeat_at, jobs.c.not_before)))
    unsent = func.sum(case((outbox.c.sends == 0, 1), else_=0))
    rows = tx.execute(
        select(outbox.c.queue, unsent.label("unsent"), func.count().label("messages"), type_coerce(func.min(since), UtcTime).label("since"))
        .join(jobs, jobs.c.id == outbox.c.job_id)
        .group_by(outbox.c.queue)
    )
    found = {row.queue: row for row in rows}
    messages = GaugeMetricFamily("headwater_outbox_messages", "Messages of jobs that nobody has claimed.", labels=("queue", "sent"))
    oldest = GaugeMetricFamily("headwater_oldest_unclaimed_seconds", "How long the oldest job that could be claimed has waited.", labels=("queue",))
    for queue in _queues():
        row = found.get(queue)
        messages.add_metric((queue, "no"), row.unsent if row else 0)
        messages.add_metric((queue, "yes"), row.messages - row.unsent if row else 0)
        oldest.add_metric((queue,), _age(now, row.since) if row else 0)
    yield messages
    yield oldest


def _of_recent(tx: Connection, now: datetime) -> Iterator[Metric]:
    lately = jobs.c.started_at >= now - _WINDOW
    wait = (type_coerce(jobs.c.started_at, BigInteger) - type_coerce(jobs.c.queued_at, BigInteger)).label("wait")
    waits: defaultdict[str, list[float]] = defaultdict(list)
    for row in tx.execute(select(jobs.c.kind, wait).where(lately).order_by(jobs.c.started_at.desc()).limit(_MOST_JOBS)):
        waits[row.kind].append(max(0, row.wait) / _MICROSECONDS)
    text = "How long jobs that started in the last 15 minutes had waited."
    family = GaugeMetricFamily("headwater_job_queue_wait_seconds", text, labels=("kind", "quantile"))
    for kind, values in waits.items():
        values.sort()
        for quantile in _QUANTILES:
            family.add_metric((kind, f"{quantile:g}"), values[min(len(values) - 1, int(quantile * len(values)))])
    yield family
    # Not `kind = 'publish'`: SQLite would walk along all publishes there ever were instead of the latest jobs.
    rejected = select(func.sum(jobs.c.result["rejected_records"].as_integer())).where(lately, func.coalesce(jobs.c.kind, "") == Kind.PUBLISH)
    yield _gauge(
        "headwater_rejected_records",
        "Records left out by publishes that started in the last 15 minutes.",
        values=[tx.execute(rejected).scalar() or 0],
    )


def _gauge(name: str, text: str, label: str | None = None, items: Iterable[tuple[str, float]] = (), *, values: Iterable[float] = ()) -> Metric:
    family = GaugeMetricFamily(name, text, labels=(label,) if label else ())
    for value in values:
        family.add_metric((), value)
    for name_of, value in items:
        family.add_metric((name_of,), value)
    return family


def _age(now: datetime, at: datetime) -> float:
    return max(0.0, (now - at).total_seconds())


def _queues() -> list[str]:
    return sorted(set(QUEUES.values()))
