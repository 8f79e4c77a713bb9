"""Queries as the api shows them: one statement each, checked before it is accepted, run by the query service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, insert, select

from services.api.answers import Answer, accepted, to_bytes
from services.api.deps import Services
from services.api.events import Resource, Snapshot
from services.api.paging import Listing, Paging, newest
from services.api.schemas import queries as schemas
from services.shared.catalog.embedded import VERSIONS
from services.shared.catalog.port import CatalogDatabase, Table
from services.shared.errors import DatabaseNotFound, JobFinished, NotImplementedYet, QueryFinished, QueryNotFound
from services.shared.ids import new_id
from services.shared.jobs.model import Job, Kind, NewJob, job_from
from services.shared.principal import Principal
from services.shared.records.tables import jobs, queries
from services.shared.sql.guard import Statement, parse_statement
from services.shared.sql.parameters import with_parameters
from services.shared.sql.show import answer_show
from services.shared.sql.translate import translate

USER = "user"
ENGINE = "duckdb"
_FIGURES = tuple(schemas.Statistics.model_fields)
_OWN = ("sql", "database", "engine", "execution_id", "statistics", "columns", "result_prefix", "expires_at", "freed_at")


@dataclass(frozen=True)
class Query:
    """A query: its job, and the row that says what it asks and what came of it."""

    job: Job
    row: RowMapping


def submit_query(services: Services, principal: Principal, request: schemas.QueryRequest, *, request_id: str) -> Callable[[Connection], Answer]:
    """Check the statement against the catalog, and return its submission."""
    database = check_query(services, request)

    def work(tx: Connection) -> Answer:
        query_id = new_id("qry")
        params = {"parameters": list(request.parameters)}
        new = NewJob(kind=Kind.QUERY, id=query_id, resource_type="query", resource_id=query_id, params=params, request_id=request_id)
        services.jobs.submit(tx, new, principal=principal)
        values = {"id": query_id, "workspace": principal.workspace, "owner": principal.owner, "origin": USER}
        tx.execute(insert(queries).values(**values, sql=request.sql, database=database, engine=ENGINE))
        return accept(services, load_query(tx, principal, query_id))

    return work


def check_query(services: Services, request: schemas.QueryRequest) -> str:
    """Return the database that is meant; raise what is wrong with the statement before any engine sees it."""
    if request.max_bytes_scanned is not None:
        raise NotImplementedYet("max_bytes_scanned is not built yet.")
    if request.reuse_results_minutes is not None:
        raise NotImplementedYet("reuse_results_minutes is not built yet.")
    database = request.database or services.settings.database
    visible = _Visible(services)
    if database not in visible.names:
        raise DatabaseNotFound(f"There is no database {database}.")
    statement = with_parameters(parse_statement(request.sql, max_bytes=services.settings.max_sql_bytes), request.parameters)
    _resolve(statement, visible, database)
    return database


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
    return schemas.Statistics(**{name: known.get(name) for name in _FIGURES})


def _resolve(statement: Statement, visible: _Visible, database: str) -> None:
    if statement.show is not None:
        answer_show(statement.show, visible, database=database)
    else:
        translate(statement, visible, database=database)


class _Visible:
    """The catalog as users may query it: a crawl's proposals are not in it."""

    def __init__(self, services: Services) -> None:
        self._catalog = services.catalog
        self._databases = services.catalog.list_databases()
        self.names = frozenset(database.name for database in self._databases)

    def list_databases(self) -> Sequence[CatalogDatabase]:
        """Return the databases that users may see."""
        return self._databases

    def list_tables(self, database: str) -> Sequence[Table]:
        """Return a database's tables, by name."""
        return self._catalog.list_tables(database) if database in self.names else ()

    def find_table(self, database: str, name: str) -> Table | None:
        """Return a table, or None; a view's SELECT finds the tables behind views, which users can't name."""
        return self._catalog.find_table(database, name) if database in self.names or database == VERSIONS else None
