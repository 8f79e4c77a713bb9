"""Saved queries as the api shows them: a statement under a name of its own, kept as it was written, whether it parses or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.api.answers import Answer, Unchanged, accepted, etag_of, to_bytes
from services.api.deps import Services
from services.api.paging import Listing, Paging, newest
from services.api.schemas import queries as schemas
from services.shared.clock import utc_now
from services.shared.errors import SavedQueryExists, SavedQueryNotFound, SqlTooLong
from services.shared.ids import new_id
from services.shared.principal import Principal
from services.shared.records.tables import saved_queries

Table = saved_queries.c


def list_saved(services: Services, principal: Principal, *, search: str | None, paging: Paging) -> schemas.SavedQueryList:
    """Return a page of the saved queries, newest first."""
    statement = select(saved_queries).where(Table.workspace == principal.workspace)
    if search:
        statement = statement.where(Table.name.icontains(search, autoescape=True))
    with services.database.read() as tx:
        rows, cursor = newest(tx, statement, saved_queries, listing=Listing("saved", principal.workspace, (search,)), paging=paging)
    return schemas.SavedQueryList(items=tuple(map(present, rows)), next_cursor=cursor)


def get_saved(services: Services, principal: Principal, saved_id: str) -> schemas.SavedQuery:
    """Return one saved query, or raise SavedQueryNotFound."""
    with services.database.read() as tx:
        return present(_load(tx, principal, saved_id))


def save(services: Services, principal: Principal, request: schemas.SavedQueryRequest) -> Callable[[Connection], Answer]:
    """Check the request, and return its work: the row, once its name is free."""
    values = _values(services, request)

    def work(tx: Connection) -> Answer:
        saved_id, now = new_id("svq"), values["updated_at"]
        own = {"id": saved_id, "workspace": principal.workspace, "owner": principal.owner, "created_at": now}
        _write(tx, insert(saved_queries).values(**own, **values), request.name)
        saved = present(_load(tx, principal, saved_id))
        return accepted(saved, location=f"/v1/saved-queries/{saved_id}", status=201, retry_after_s=None)

    return work


def replace(services: Services, principal: Principal, saved_id: str, request: schemas.SavedQueryRequest, *, unchanged: Unchanged) -> Answer:
    """Write the whole saved query anew, unless it is no longer the one that the client knows."""
    values = _values(services, request)
    with services.database.write() as tx:
        unchanged.check(_etag(_load(tx, principal, saved_id, lock=True)))
        _write(tx, update(saved_queries).where(Table.id == saved_id).values(**values), request.name)
        body = to_bytes(present(_load(tx, principal, saved_id)))
    return Answer(200, body, {"ETag": etag_of(body)})


def remove(services: Services, principal: Principal, saved_id: str, *, unchanged: Unchanged) -> None:
    """Delete a saved query, unless it is no longer the one that the client knows."""
    with services.database.write() as tx:
        unchanged.check(_etag(_load(tx, principal, saved_id, lock=True)))
        tx.execute(delete(saved_queries).where(Table.id == saved_id))


def present(row: RowMapping) -> schemas.SavedQuery:
    """Project the record onto the contract."""
    return schemas.SavedQuery(**{name: row[name] for name in schemas.SavedQuery.model_fields})


def _load(tx: Connection, principal: Principal, saved_id: str, *, lock: bool = False) -> RowMapping:
    statement = select(saved_queries).where(Table.id == saved_id, Table.workspace == principal.workspace)
    row = tx.execute(statement.with_for_update() if lock else statement).mappings().first()
    if row is None:
        raise SavedQueryNotFound(f"There is no saved query {saved_id}.")
    return row


def _etag(row: RowMapping) -> str:
    return etag_of(to_bytes(present(row)))


def _write(tx: Connection, statement: Any, name: str) -> None:
    try:
        with tx.begin_nested():
            tx.execute(statement)
    except IntegrityError as error:
        raise SavedQueryExists(f"Another saved query is called {name!r}.") from error


def _values(services: Services, request: schemas.SavedQueryRequest) -> dict[str, Any]:
    length, most = len(request.sql.encode("utf-8", "surrogatepass")), services.settings.max_sql_bytes
    if length > most:
        raise SqlTooLong(f"The SQL has {length:,} bytes; this server takes {most:,}.")
    named = {"name": request.name, "description": request.description or "", "sql": request.sql, "database": request.database}
    return {**named, "updated_at": utc_now()}
