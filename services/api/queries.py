"""Queries as the api shows them: one statement each, checked before it is accepted, run by the query service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, insert, select

from services.api.answers import Answer, accepted, to_bytes
from services.api.deps import Services
from services.api.estimate import estimate
from services.api.events import Resource, Snapshot
from services.api.paging import Listing, Paging, newest
from services.api.reuse import find_reusable, share
from services.api.schemas import queries as schemas
from services.api.visible import Checked, check_statement
from services.shared.errors import JobFinished, QueryFinished, QueryNotFound, ScanLimitExceeded
from services.shared.ids import new_id
from services.shared.jobs.model import Job, Kind, NewJob, job_from
from services.shared.jobs.turns import Lane
from services.shared.principal import Principal
from services.shared.records.tables import jobs, queries

USER = "user"
_FIGURES = tuple(name for name in schemas.Statistics.model_fields if name != "reused")
_OWN = (
    "sql", "database", "engine", "execution_id", "statistics", "columns", "result_prefix", "expires_at", "freed_at",
    "bytes_bound", "max_bytes_scanned", "reused_from",
)  # fmt: skip


@dataclass(frozen=True)
class Query:
    """A query: its job, and the row that says what it asks and what came of it."""

    job: Job
    row: RowMapping


def submit_query(services: Services, principal: Principal, request: schemas.QueryRequest, *, request_id: str) -> Callable[[Connection], Answer]:
    """Check the statement against the catalog and against its limit, and return its submission."""
    checked = check_statement(services, request.sql, request.parameters, request.database)
    bound = _check_bound(services, principal, request, checked)

    def work(tx: Connection) -> Answer:
        query_id = new_id("qry")
        params = {"parameters": list(request.parameters)}
        new = NewJob(Kind.QUERY, "query", query_id, params, request_id=request_id, id=query_id, lane=Lane.INTERACTIVE)
        old = find_reusable(tx, principal, checked.reuse_key, minutes=request.reuse_results_minutes)
        if old is None:
            services.jobs.submit(tx, new, principal=principal)
        else:
            services.jobs.submit_done(tx, new, principal=principal, result={"rows": old["result_rows"], "bytes": old["result_bytes"]})
        values = {"id": query_id, "workspace": principal.workspace, "owner": principal.owner, "origin": USER, "engine": services.engine.name}
        asked = {"sql": request.sql, "database": checked.database, "bytes_bound": bound, "max_bytes_scanned": request.max_bytes_scanned}
        shared = {} if old is None else share(old, retain_s=services.settings.retain_results_s)
        tx.execute(insert(queries).values(**values, **asked, statement_digest=checked.digest, reads=checked.tables, **shared))
        return accept(services, load_query(tx, principal, query_id))

    return work


def estimate_query(services: Services, principal: Principal, request: schemas.EstimateRequest) -> schemas.Estimate:
    """Return the most that the statement can scan and cost."""
    return estimate(services, principal, check_statement(services, request.sql, request.parameters, request.database))


def _check_bound(services: Services, principal: Principal, request: schemas.QueryRequest, checked: Checked) -> int | None:
    """Return the bound of a statement that has a limit; raise ScanLimitExceeded if it may scan more."""
    most = request.max_bytes_scanned
    if most is None:
        return None
    bound = estimate(services, principal, checked).bytes_bound
    if bound is not None and bound > most:
        raise ScanLimitExceeded(f"The statement may scan up to {bound:,} bytes; max_bytes_scanned allows {most:,}. Select fewer columns.")
    return bound


def load_query(tx: Connection, principal: Principal, query_id: str) -> Query:
    """Return a query that this principal may see, or raise QueryNotFound."""
    row = tx.execute(_statement(principal).where(queries.c.id == query_id)).mappings().first()
    if row is None:
        raise QueryNotFound(f"There is no query {query_id}.")
    return Query(job_from(row), row)


def get_record(services: Services, principal: Principal, query_id: str) -> Query:
    """Return the query's record, or raise QueryNotFound."""
    with services.database.read() as tx:
        return load_query(tx, principal, query_id)


def get_query(services: Services, principal: Principal, query_id: str) -> schemas.Query:
    """Return the query as it is now."""
    return present(services, get_record(services, principal, query_id))


def list_queries(services: Services, principal: Principal, *, states: Sequence[str], search: str | None, paging: Paging) -> schemas.QueryList:
    """Return a page of the queries that users submitted, newest first."""
    statement = _statement(principal)
    if states:
        statement = statement.where(jobs.c.state.in_(states))
    if search:
        statement = statement.where(queries.c.sql.icontains(search, autoescape=True))
    listing = Listing("queries", principal.workspace, (sorted(set(states)), search))
    with services.database.read() as tx:
        rows, cursor = newest(tx, statement, jobs, listing=listing, paging=paging)
    return schemas.QueryList(items=tuple(present(services, Query(job_from(row), row)) for row in rows), next_cursor=cursor)


def cancel_query(services: Services, principal: Principal, query_id: str) -> Answer:
    """Ask for the query's end."""
    with services.database.write() as tx:
        load_query(tx, principal, query_id)
        try:
            services.jobs.cancel(tx, query_id)
        except JobFinished as error:
            raise QueryFinished(error.detail.replace("The job", "The query")) from error
        query = load_query(tx, principal, query_id)
    services.outbox.send_new_soon()
    return accept(services, query)


def query_resource(services: Services, principal: Principal, query_id: str) -> Resource:
    """Return the query as something to read or follow; reading raises QueryNotFound."""

    def read() -> Snapshot:
        query = get_record(services, principal, query_id)
        return Snapshot(to_bytes(present(services, query)), query.job.finished)

    return Resource("query", f"{principal.workspace}/{query_id}", read)


def accept(services: Services, query: Query) -> Answer:
    """Return the answer of an accepted query."""
    return accepted(present(services, query), location=f"/v1/queries/{query.job.id}")


def present(services: Services, query: Query) -> schemas.Query:
    """Project the record onto the contract."""
    job, row = query.job, query.row
    phase, _ = services.live.merged(job)
    return schemas.Query(
        id=job.id,
        sql=row["sql"],
        database=row["database"],
        state=job.state.value,
        phase=phase,
        engine=row["engine"],
        engine_execution_id=row["execution_id"],
        statistics=_statistics(job, row),
        columns=row["columns"],
        scan_limit=_scan_limit(row),
        reused_from=row["reused_from"],
        error=job.error,
        cancel_requested_at=job.cancel_requested_at,
        submitted_at=job.created_at,
        finished_at=job.finished_at,
    )


def _statement(principal: Principal) -> Select[Any]:
    own = [queries.c[name] for name in _OWN]
    return (
        select(jobs, *own)
        .join(queries, queries.c.id == jobs.c.id)
        .where(jobs.c.workspace == principal.workspace, jobs.c.kind == Kind.QUERY, queries.c.origin == USER)
    )


def _statistics(job: Job, row: RowMapping) -> schemas.Statistics:
    known = row["statistics"] or {}
    if "queue_ms" not in known and job.started_at is not None:
        known = {**known, "queue_ms": max(0, round((job.started_at - job.queued_at).total_seconds() * 1000))}
    return schemas.Statistics(**{**{name: known.get(name) for name in _FIGURES}, "reused": row["reused_from"] is not None})


def _scan_limit(row: RowMapping) -> schemas.ScanLimit | None:
    most, bound = row["max_bytes_scanned"], row["bytes_bound"]
    if most is None:
        return None
    return schemas.ScanLimit(max_bytes_scanned=most, bytes_bound=bound, applied="while_running" if bound is None else "before_run")
