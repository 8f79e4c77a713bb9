"""One query: run by the engine, its result stored once, all of it recorded in one commit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import RowMapping, select, update

from services.query.deps import QueryService
from services.query.engines.port import Order, Statistics
from services.query.results import write_result
from services.shared.clock import utc_now
from services.shared.errors import QueryCancelled
from services.shared.jobs.model import Job
from services.shared.jobs.run import Run
from services.shared.keys import result_prefix
from services.shared.records.tables import queries
from services.shared.results import ResultMeta
from services.shared.reuse import reuse_key
from services.shared.sql.guard import DEFAULT_MAX_SQL_BYTES
from services.shared.traces import span

_BYTES_A_TB = 10**12


def query_step(service: QueryService, run: Run) -> None:
    """Run the job's query in this thread, to its end."""
    asked = _load(service, run.job)
    run.report(phase="planning")
    key = _key(service, asked)
    execution_id = service.engine.start(_order(service, run.job, asked))
    _persist(service, run, execution_id)
    service.watcher.follow(run, execution_id)
    try:
        prefix = result_prefix(run.job.workspace, run.job.id, run.job.attempt)
        with span("engine", query__id=run.job.id), service.engine.open_result(execution_id) as result:
            run.report(phase="running")
            meta = write_result(service.storage, prefix, result.columns, _told(result.batches, run))
    except QueryCancelled:
        run.check(at_once=True)
        raise
    else:
        run.check(at_once=True)
        kept = key if key == _key(service, asked) else None
        _record(service, run, meta, prefix, service.engine.statistics(execution_id), key=kept)
    finally:
        service.watcher.leave(run)
        service.engine.forget(execution_id)


def _load(service: QueryService, job: Job) -> RowMapping:
    with service.database.read() as tx:
        return tx.execute(select(queries).where(queries.c.id == job.id)).mappings().one()


def _key(service: QueryService, asked: RowMapping) -> str | None:
    """Return the key of this question over the tables as they are now; a result is shared under it only if it is the same before and after."""
    return reuse_key(service.catalog, asked["statement_digest"], asked["reads"])


def _persist(service: QueryService, run: Run, execution_id: str) -> None:
    """Record the execution; an attempt that died before this line is followed by one that is given the same execution for the same token."""
    with service.database.write(durable=False) as tx:
        tx.execute(update(queries).where(queries.c.id == run.job.id).values(execution_id=execution_id))


def _order(service: QueryService, job: Job, asked: RowMapping) -> Order:
    return Order(
        query_id=job.id,
        sql=asked["sql"],
        database=asked["database"],
        parameters=tuple(job.params.get("parameters") or ()),
        timeout_s=service.settings.query_timeout_s,
        max_sql_bytes=max(service.settings.max_sql_bytes, DEFAULT_MAX_SQL_BYTES),  # the api held users to theirs; a receipt's are as long as may be
        max_bytes_scanned=asked["max_bytes_scanned"],
        token=sha256(f"{job.workspace}|{job.id}".encode()).hexdigest(),
    )


def _told(batches: Iterator[Any], run: Run) -> Iterator[Any]:
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        run.report(records_done=rows)
        yield batch


def _record(service: QueryService, run: Run, meta: ResultMeta, prefix: str, statistics: Statistics, *, key: str | None) -> None:
    now = utc_now()
    with service.database.write() as tx:
        tx.execute(
            update(queries)
            .where(queries.c.id == run.job.id)
            .values(
                statistics=_figures(service, run.job, meta, statistics),
                columns=[{"name": column.name, "type": column.type} for column in meta.columns],
                result_prefix=prefix,
                result_bytes=meta.size,
                result_rows=meta.rows,
                reuse_key=key,
                expires_at=now + timedelta(seconds=service.settings.retain_results_s),
            )
        )
        run.succeed(tx, {"rows": meta.rows, "bytes": meta.size})


def _figures(service: QueryService, job: Job, meta: ResultMeta, statistics: Statistics) -> dict[str, Any]:
    waited = ((job.started_at or job.queued_at) - job.queued_at).total_seconds()
    price = 0.0 if service.engine.runs_here else service.settings.price_per_tb_usd
    scanned = statistics.bytes_scanned
    return {
        "queue_ms": round(waited * 1000),
        "planning_ms": statistics.planning_ms,
        "execution_ms": statistics.execution_ms,
        "bytes_scanned": scanned,
        "rows": meta.rows,
        "cost_usd": None if scanned is None else scanned / _BYTES_A_TB * price,
    }
