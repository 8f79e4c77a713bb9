"""Lists a page at a time: the newest first, by a cursor that belongs to one list with its filters."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query
from sqlalchemy import Connection, RowMapping, Select, Table, literal, tuple_

from services.shared.errors import InvalidCursor
from services.shared.records.tables import UtcTime

MAX_ITEMS = 500
_SEAL_BYTES = 9
Item = TypeVar("Item")
LimitQuery = Annotated[int, Query(ge=1, le=MAX_ITEMS, description="The most items of a page.")]
CursorQuery = Annotated[
    str | None, Query(max_length=512, description="The `next_cursor` of the page before; it belongs to this list and these filters.")
]


@dataclass(frozen=True)
class Paging:
    """Which page is wanted."""

    limit: int
    cursor: str | None = None


async def read_paging(limit: LimitQuery = 50, cursor: CursorQuery = None) -> Paging:
    """Return which page the request wants."""
    return Paging(limit, cursor)


PageWanted = Annotated[Paging, Depends(read_paging)]


@dataclass(frozen=True)
class Listing:
    """One list with its filters; a cursor of another one is refused."""

    name: str
    workspace: str
    filters: tuple[Any, ...] = ()

    def cursor(self, position: Any) -> str:
        """Return the cursor of a position (a JSON value)."""
        content = json.dumps(position, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._seal(content) + content).rstrip(b"=").decode()

    def position(self, cursor: str) -> Any:
        """Return the position that a cursor stands for, or raise InvalidCursor."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidCursor(f"The cursor {cursor[:80]!r} is not one of this server.") from error
        seal, content = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
        if seal != self._seal(content):
            raise InvalidCursor(f"The cursor {cursor[:80]!r} belongs to another list or to other filters.")
        return json.loads(content)

    def _seal(self, content: bytes) -> bytes:
        key = json.dumps([self.name, self.workspace, *self.filters], default=sorted, sort_keys=True).encode()
        return blake2b(blake2b(key).digest() + content, digest_size=_SEAL_BYTES).digest()


def newest(tx: Connection, statement: Select[Any], table: Table, *, listing: Listing, paging: Paging) -> tuple[Sequence[RowMapping], str | None]:
    """Return a page of the statement's rows, newest first, and the next page's cursor; rows have the table's `created_at` and `id`."""
    at = table.c.created_at
    if paging.cursor is not None:
        created_at, row_id = listing.position(paging.cursor)
        before = UtcTime().process_result_value(created_at, tx.dialect)
        statement = statement.where(tuple_(at, table.c.id) < tuple_(literal(before, UtcTime), row_id))
    rows = tx.execute(statement.order_by(at.desc(), table.c.id.desc()).limit(paging.limit + 1)).mappings().all()
    if len(rows) <= paging.limit:
        return rows, None
    last = rows[paging.limit - 1]
    position = [UtcTime().process_bind_param(last["created_at"], tx.dialect), last["id"]]
    return rows[: paging.limit], listing.cursor(position)


def by_key(items: Sequence[Item], keys: Sequence[Any], *, listing: Listing, paging: Paging) -> tuple[Sequence[Item], str | None]:
    """Return a page of items that are all at hand, sorted by rising keys."""
    start = 0
    if paging.cursor is not None:
        last = listing.position(paging.cursor)
        start = next((i for i, key in enumerate(keys) if key > last), len(items))
    end = start + paging.limit
    return items[start:end], listing.cursor(keys[end - 1]) if end < len(items) else None
