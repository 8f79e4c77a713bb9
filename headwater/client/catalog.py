"""The catalog: databases and tables as the query engine sees them, those made elsewhere included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from headwater.client.models import CatalogDatabase, CatalogTable
from headwater.client.transport import Transport


class Catalog:
    """The catalog of a server."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def databases(self, *, limit: int | None = None) -> Iterator[CatalogDatabase]:
        """Give the databases, by name."""
        return self._transport.items("/v1/catalog/databases", limit=limit)

    def tables(self, database: str, *, search: str | None = None, limit: int | None = None) -> Iterator[CatalogTable]:
        """Give the tables of a database, by name."""
        return self._transport.items(f"/v1/catalog/databases/{database}/tables", limit=limit, q=search)

    def table(self, database: str, name: str) -> CatalogTable:
        """Return one table with its columns."""
        return cast(CatalogTable, self._transport.get(f"/v1/catalog/databases/{database}/tables/{name}"))
