"""Reuse of a result: a new query that refers to what another one stored, while nothing it read has changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, select

from services.shared.clock import utc_now
from services.shared.jobs.model import State
from services.shared.principal import Principal
from services.shared.records.tables import jobs, queries

_LEFT: Final = timedelta(seconds=60)


def find_reusable(tx: Connection, principal: Principal, key: str | None, *, minutes: int | None) -> RowMapping | None:
    """Return the youngest query of this key whose result is at most so old and will be kept a while; never one that shares another's."""
    if not minutes or key is None:
        return None
    now = utc_now()
    statement = (
        select(queries)
        .join(jobs, jobs.c.id == queries.c.id)
        .where(queries.c.workspace == principal.workspace, queries.c.reuse_key == key, queries.c.reused_from.is_(None))
        .where(jobs.c.state == State.SUCCEEDED, jobs.c.finished_at >= now - timedelta(minutes=minutes))
        .where(queries.c.freed_at.is_(None), queries.c.expires_at > now + _LEFT)
        .order_by(jobs.c.finished_at.desc())
    )
    return tx.execute(statement.limit(1)).mappings().first()


def share(old: RowMapping, *, retain_s: float) -> dict[str, Any]:
    """Return the columns of a query that refers to another one's result; it is kept as long as any query refers to it."""
    nothing_done = {"queue_ms": 0, "planning_ms": 0, "execution_ms": 0, "bytes_scanned": 0, "rows": old["result_rows"], "cost_usd": 0.0}
    return {
        "statistics": nothing_done,
        "columns": old["columns"],
        "result_prefix": old["result_prefix"],
        "result_bytes": old["result_bytes"],
        "result_rows": old["result_rows"],
        "expires_at": utc_now() + timedelta(seconds=retain_s),
        "reused_from": old["id"],
    }
