"""Reading back: the receipt's internal queries, handed to the query service and read when they have ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from services.shared.catalog.embedded import STAGING
from services.shared.errors import JobNotFound
from services.shared.jobs.model import OWN_WORK, Job, Kind, NewJob, State
from services.shared.jobs.turns import Lane
from services.shared.principal import Principal
from services.shared.records.tables import queries
from services.shared.results import csv_key, read_rows
from services.worker.deps import Worker

ORIGIN = "receipt"


@dataclass(frozen=True)
class Answered:
    """The one row of each query, by column, and what they cost together."""

    rows: tuple[dict[str, str | None], ...]
    bytes_scanned: int


def submit_queries(worker: Worker, job: Job, statements: Sequence[tuple[str, str]]) -> None:
    """Submit the queries that were not submitted yet, all in one transaction: their ids were recorded before; then send them."""
    with worker.database.write() as tx:
        for query_id, sql in statements:
            try:
                worker.jobs.load(tx, query_id)
            except JobNotFound:
                _submit(tx, worker, job, query_id, sql)
    worker.outbox.send_new_soon()


def unfinished(worker: Worker, query_ids: Sequence[str]) -> str | None:
    """Return the last query that has not ended: most of the others have when it has, so that the publish is woken once."""
    return next((query_id for query_id in reversed(query_ids) if not worker.jobs.get(query_id).finished), None)


def failed(worker: Worker, query_ids: Sequence[str]) -> dict[str, Any] | None:
    """Return the problem of the first query that did not succeed."""
    for query_id in query_ids:
        query = worker.jobs.get(query_id)
        if query.state is not State.SUCCEEDED:
            return query.error or {"detail": f"The query {query_id} was {query.state}."}
    return None


def read_answers(worker: Worker, query_ids: Sequence[str]) -> Answered:
    """Read the stored results."""
    rows, scanned = [], 0
    for query_id in query_ids:
        with worker.database.read() as tx:
            query = tx.execute(select(queries).where(queries.c.id == query_id)).mappings().one()
        key = csv_key(query["result_prefix"])
        size = worker.storage.find(key)
        with worker.storage.open_read(key) as stream:
            lines: Iterator[list[str | None]] = read_rows(stream, size.size if size else 0)
            names, values = next(lines), next(lines)
        rows.append({str(name): value for name, value in zip(names, values, strict=True)})
        scanned += int((query["statistics"] or {}).get("bytes_scanned") or 0)
    return Answered(tuple(rows), scanned)


def _submit(tx: Connection, worker: Worker, job: Job, query_id: str, sql: str) -> None:
    new = NewJob(kind=Kind.QUERY, resource_type=OWN_WORK, resource_id=job.id, params={}, request_id=job.request_id, id=query_id, lane=Lane.BACKGROUND)
    worker.jobs.submit(tx, new, principal=Principal(job.workspace, job.owner))
    own = {"id": query_id, "workspace": job.workspace, "owner": job.owner, "origin": ORIGIN}
    tx.execute(insert(queries).values(**own, sql=sql, database=STAGING, engine=worker.engine.name))
