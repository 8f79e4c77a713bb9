"""Wiring of the query service: its Celery application, its engine, and how it stops."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from celery.signals import setup_logging, worker_process_shutdown, worker_shutdown, worker_shutting_down

from services.query.deps import QueryService
from services.query.engines.duckdb import DuckDbEngine, Limits
from services.query.watcher import Watcher
from services.shared.broker import make_app
from services.shared.heartbeats import HeartbeatStep
from services.shared.jobs.run import Runner
from services.shared.jobs.store import JobStore
from services.shared.jobs.turns import lane_slots
from services.shared.logs import configure_logs
from services.shared.outbox import Outbox
from services.shared.progress import ProgressBoard
from services.shared.settings import load_settings
from services.shared.traces import finish_traces, start_traces
from services.shared.wiring import make_adapters

app = make_app("headwater-query", load_settings(), include=["services.query.tasks"])
app.steps["worker"].add(HeartbeatStep)


@lru_cache(maxsize=1)
def service() -> QueryService:
    """Return the process's collaborators."""
    settings = load_settings()
    start_traces(settings, service="query")
    adapters = make_adapters(settings)
    limits = Limits(
        slots=sum(lane_slots(settings).values()),
        memory_bytes=settings.query_memory_bytes,
        threads=settings.query_threads,
        spill_bytes=settings.query_spill_bytes,
    )
    engine = DuckDbEngine(adapters.catalog, adapters.storage.engine_location, (settings.home / "spill").resolve(), limits)
    jobs = JobStore(adapters.database, settings)
    runner = Runner(jobs, Outbox(adapters.database, app, settings), ProgressBoard(settings), settings)
    return QueryService(settings, adapters.database, adapters.storage, adapters.catalog, engine, runner, Watcher(engine))


@setup_logging.connect
def _configure_logs(**_: Any) -> None:
    configure_logs(load_settings(), service="query")


@worker_shutting_down.connect
def _hand_back(**_: Any) -> None:
    if service.cache_info().currsize:
        service().runner.stop_all()


@worker_process_shutdown.connect
@worker_shutdown.connect
def _finish_traces(**_: Any) -> None:
    finish_traces()
