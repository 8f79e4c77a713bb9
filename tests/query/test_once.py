"""A query is charged once: whatever dies between the engine's start and its record, there is one execution for each query."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import insert, select

from services.query.deps import QueryService
from services.query.engines.duckdb import DuckDbEngine
from services.query.engines.port import Order, Result, Statistics, Status
from services.query.step import query_step
from services.query.watcher import Watcher
from services.shared.broker import make_app
from services.shared.jobs.model import Kind, NewJob, State
from services.shared.jobs.run import Runner
from services.shared.jobs.store import JobStore
from services.shared.jobs.turns import Lane
from services.shared.outbox import Outbox
from services.shared.principal import LOCAL
from services.shared.progress import ProgressBoard
from services.shared.records.migrate import migrate
from services.shared.records.tables import queries
from services.shared.settings import Settings
from services.shared.wiring import ensure_databases, make_adapters

KILLED = 9
QUERIES = 50


class CountingEngine:
    """An engine that keeps its executions by token, as one that runs elsewhere does, and counts them on the disk; it may die after a start."""

    name = "duckdb"
    runs_here = True

    def __init__(self, engine: DuckDbEngine, ledger: Path, *, dies: bool) -> None:
        self._engine, self._ledger, self._dies = engine, ledger, dies
        self._own: dict[str, str] = {}

    def start(self, order: Order) -> str:
        own = self._engine.start(order)
        with sqlite3.connect(self._ledger) as ledger:
            ledger.execute("INSERT OR IGNORE INTO executions VALUES (?, ?)", (order.token, f"exe_{order.query_id}"))
            execution_id = str(ledger.execute("SELECT id FROM executions WHERE token = ?", (order.token,)).fetchone()[0])
        ledger.close()
        self._own[execution_id] = own
        if self._dies:
            os._exit(KILLED)
        return execution_id

    def poll(self, execution_ids: Sequence[str]) -> Mapping[str, Status]:
        return {i: status for i in execution_ids for status in self._engine.poll([self._own[i]]).values()}

    def open_result(self, execution_id: str) -> AbstractContextManager[Result]:
        return self._engine.open_result(self._own[execution_id])

    def stop(self, execution_id: str) -> None:
        self._engine.stop(self._own[execution_id])

    def statistics(self, execution_id: str) -> Statistics:
        return self._engine.statistics(self._own[execution_id])

    def forget(self, execution_id: str) -> None:
        self._engine.forget(self._own[execution_id])


def work(settings: Settings, job_id: str, *, dies: bool) -> None:
    """Do what a query process does with a message; one that dies is a process of its own."""
    adapters = make_adapters(settings)
    store = JobStore(adapters.database, settings)
    outbox = Outbox(adapters.database, make_app("test", settings.model_copy(update={"redis_url": "memory://"}), patient=False), settings)
    engine = CountingEngine(
        DuckDbEngine(adapters.catalog, adapters.storage.engine_location, settings.home / "spill"), settings.home / "ledger", dies=dies
    )
    runner = Runner(store, outbox, ProgressBoard(settings), settings)
    service = QueryService(settings, adapters.database, adapters.storage, adapters.catalog, engine, runner, Watcher(engine))
    runner.execute(job_id, lambda run: query_step(service, run))
    outbox.close()
    adapters.database.close()


def die(settings: Settings, job_id: str) -> None:
    """Let a forked process begin the query and die between the start and its record."""
    child = os.fork()
    if child == 0:
        work(settings, job_id, dies=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == KILLED


def test_executions_are_as_many_as_queries(tmp_path: Path) -> None:
    """Fifty queries, each of whose processes dies once after the start: every one succeeds, and there are fifty executions."""
    settings = Settings(home=tmp_path, redis_url="redis://127.0.0.1:1/0", lease_s=0.001)
    adapters = make_adapters(settings)
    migrate(adapters.database)
    ensure_databases(adapters.catalog, settings)
    with sqlite3.connect(tmp_path / "ledger") as ledger:
        ledger.execute("CREATE TABLE executions (token TEXT PRIMARY KEY, id TEXT)")
    store = JobStore(adapters.database, settings)
    ids = []
    for number in range(QUERIES):
        with adapters.database.write() as tx:
            job = store.submit(tx, NewJob(Kind.QUERY, "query", "q", {}, lane=Lane.INTERACTIVE), principal=LOCAL)
            own = {"id": job.id, "workspace": "default", "owner": "local", "origin": "user", "engine": "duckdb"}
            tx.execute(insert(queries).values(**own, sql=f"SELECT {number} AS n", database="headwater"))
        ids.append(job.id)
    adapters.database.close()
    for job_id in ids:
        die(settings, job_id)
        with adapters.database.read() as tx:
            assert tx.execute(select(queries.c.execution_id).where(queries.c.id == job_id)).scalar_one() is None
        assert [job.id for job in store.take_over_lost()] == [job_id]
        work(settings.model_copy(update={"lease_s": 30.0}), job_id, dies=False)
        assert store.get(job_id).state is State.SUCCEEDED
        adapters.database.close()
    executed = ledger.execute("SELECT id FROM executions ORDER BY id").fetchall()
    ledger.close()
    print(f"\n{len(executed)} executions of {QUERIES} queries, {QUERIES} deaths")
    assert executed == [(f"exe_{job_id}",) for job_id in sorted(ids)]
