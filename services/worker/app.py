"""Wiring of the worker: the Celery application of `worker-profile`, `worker-publish` and beat."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import redis
from celery.signals import setup_logging, worker_process_shutdown, worker_shutdown

from services.shared.broker import make_app, schedule_reconciler
from services.shared.heartbeats import Heartbeats, HeartbeatStep
from services.shared.jobs.run import Runner
from services.shared.jobs.store import JobStore
from services.shared.logs import configure_logs
from services.shared.outbox import Outbox
from services.shared.progress import ProgressBoard
from services.shared.settings import load_settings
from services.shared.traces import finish_traces, start_traces
from services.shared.wiring import make_adapters
from services.worker.classify import classify
from services.worker.deps import Worker

app = make_app("headwater-worker", load_settings(), include=["services.worker.tasks"])
app.steps["worker"].add(HeartbeatStep)
schedule_reconciler(app, load_settings())


@lru_cache(maxsize=1)
def worker() -> Worker:
    """Return this process's collaborators; the first task makes them, so that none is inherited through a fork."""
    settings = load_settings()
    start_traces(settings, service="worker")
    adapters = make_adapters(settings, classify=classify)
    jobs = JobStore(adapters.database, settings)
    outbox = Outbox(adapters.database, app, settings)
    return Worker(
        settings=settings,
        database=adapters.database,
        storage=adapters.storage,
        parts=adapters.parts,
        catalog=adapters.catalog,
        jobs=jobs,
        outbox=outbox,
        runner=Runner(jobs, outbox, ProgressBoard(settings), settings),
        engine=adapters.engine,
        redis=redis.Redis.from_url(settings.redis_url or "", socket_timeout=3, socket_connect_timeout=2),
        heartbeats=Heartbeats(settings),
    )


@setup_logging.connect
def _configure_logs(**_: Any) -> None:
    configure_logs(load_settings(), service="worker")


@worker_process_shutdown.connect
@worker_shutdown.connect
def _finish_traces(**_: Any) -> None:
    finish_traces()
