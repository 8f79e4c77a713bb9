"""What queries leave, freed in time: results after their retention, then the rows of the history."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import delete, or_, select, update

from services.shared.clock import utc_now
from services.shared.jobs.model import TERMINAL, Kind
from services.shared.records.tables import jobs, queries
from services.worker.deps import Worker
from services.worker.sweep import folders

_RESULTS_AT_ONCE: Final = 100
_ROWS_AT_ONCE: Final = 1000


def free_results(worker: Worker) -> int:
    """Delete the results, with all that was made from them, that are kept for no query any more; return how many queries let go.

    No query can begin to share a result that has expired, so what is found alone here stays alone.
    """
    now = utc_now()
    expired = (queries.c.freed_at.is_(None), queries.c.expires_at < now, queries.c.result_prefix.is_not(None))
    with worker.database.read() as tx:
        found = tx.execute(select(queries.c.id, queries.c.result_prefix).where(*expired).limit(_RESULTS_AT_ONCE)).all()
        prefixes = {row.result_prefix for row in found}
        shared = (queries.c.result_prefix.in_(prefixes), queries.c.freed_at.is_(None), queries.c.expires_at >= now)
        kept = set(tx.execute(select(queries.c.result_prefix).where(*shared)).scalars())
    for prefix in prefixes - kept:
        worker.storage.delete_prefix(prefix)
    if found:
        with worker.database.write() as tx:
            tx.execute(update(queries).where(queries.c.id.in_([row.id for row in found])).values(freed_at=now))
    return len(found)


def sweep_results(worker: Worker) -> int:
    """Delete the results that no query names, of attempts that died before they recorded them; return how many.

    The jobs that go on are read before the names: one that ends meanwhile has then named its result.
    """
    with worker.database.read() as tx:
        workspaces = tx.execute(select(jobs.c.workspace).distinct()).scalars().all()
    found = {folder for workspace in workspaces for folder in folders(worker, f"ws/{workspace}/results/", depth=2)}
    if not found:
        return 0
    with worker.database.read() as tx:
        alive = set(tx.execute(select(jobs.c.id).where(jobs.c.state.not_in(TERMINAL))).scalars())
        named = set(tx.execute(select(queries.c.result_prefix).where(queries.c.result_prefix.is_not(None), queries.c.freed_at.is_(None))).scalars())
    dead = [folder for folder in found if folder not in named and folder.split("/")[3] not in alive]
    for folder in dead:
        worker.storage.delete_prefix(folder)
    return len(dead)


def forget_queries(worker: Worker) -> int:
    """Delete ended queries, and exports of results, that are older than the history; one whose result is still kept stays."""
    before = utc_now() - timedelta(seconds=worker.settings.retain_queries_s)
    old = (
        select(jobs.c.id)
        .outerjoin(queries, queries.c.id == jobs.c.id)
        .where(jobs.c.kind.in_([Kind.QUERY, Kind.EXPORT]), jobs.c.finished_at < before, jobs.c.state.in_(TERMINAL))
        .where(or_(queries.c.result_prefix.is_(None), queries.c.freed_at.is_not(None)))
        .limit(_ROWS_AT_ONCE)
    )
    with worker.database.read() as tx:
        ids = tx.execute(old).scalars().all()
    if ids:
        with worker.database.write() as tx:
            tx.execute(delete(jobs).where(jobs.c.id.in_(ids)))
    return len(ids)
