"""Saved queries: statements kept under a name."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import cast

from headwater.client.models import SavedQuery, SavedQueryRequest
from headwater.client.transport import Transport


class SavedQueries:
    """The saved queries of a server."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, request: SavedQueryRequest) -> SavedQuery:
        """Keep a statement under a name that is free."""
        return cast(SavedQuery, self._transport.post("/v1/saved-queries", body=request, key=uuid.uuid4().hex))

    def replace(self, saved_query_id: str, request: SavedQueryRequest) -> SavedQuery:
        """Put another statement, or another name, in the place of what is kept."""
        path = f"/v1/saved-queries/{saved_query_id}"
        return cast(SavedQuery, self._transport.patiently(lambda: self._transport.json("PUT", path, json=request)))

    def get(self, saved_query_id: str) -> SavedQuery:
        """Return a saved query."""
        return cast(SavedQuery, self._transport.get(f"/v1/saved-queries/{saved_query_id}"))

    def find(self, name: str) -> SavedQuery | None:
        """Return the saved query of this very name, or None."""
        return next((saved for saved in self.list(search=name) if saved["name"] == name), None)

    def list(self, *, search: str | None = None, limit: int | None = None) -> Iterator[SavedQuery]:
        """Give the saved queries, newest first."""
        return self._transport.items("/v1/saved-queries", limit=limit, q=search)

    def delete(self, saved_query_id: str) -> None:
        """Delete a saved query; queries that it ran stay."""
        self._transport.request("DELETE", f"/v1/saved-queries/{saved_query_id}")
