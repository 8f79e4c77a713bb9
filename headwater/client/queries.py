"""Queries: SQL, and what it returns."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from headwater.client.following import follow, wait
from headwater.client.models import Estimate, EstimateRequest, Query, QueryRequest, ResultPage
from headwater.client.transport import Transport

OnQuery = Callable[[Query], None]
Parameter = bool | int | float | str | None


@dataclass(frozen=True)
class Limits:
    """What a query may take: results of at most this age instead of a run, and at most so many bytes read."""

    reuse_results_minutes: int | None = None
    max_bytes_scanned: int | None = None


class Queries:
    """The queries of a server."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def start(self, sql: str, *, parameters: Sequence[Parameter] = (), database: str | None = None, limits: Limits | None = None) -> Query:
        """Start a statement; `parameters` are the values of its `?` marks."""
        request: QueryRequest = {"sql": sql, "parameters": list(parameters)}
        if database is not None:
            request["database"] = database
        if limits is not None and limits.reuse_results_minutes is not None:
            request["reuse_results_minutes"] = limits.reuse_results_minutes
        if limits is not None and limits.max_bytes_scanned is not None:
            request["max_bytes_scanned"] = limits.max_bytes_scanned
        return cast(Query, self._transport.post("/v1/queries", body=request, key=uuid.uuid4().hex))

    def estimate(self, sql: str, *, parameters: Sequence[Parameter] = (), database: str | None = None) -> Estimate:
        """Bound what a statement can read and cost, without running it."""
        request: EstimateRequest = {"sql": sql, "parameters": list(parameters), "database": database}
        return cast(Estimate, self._transport.patiently(lambda: self._transport.json("POST", "/v1/queries/estimate", json=request)))

    def get(self, query_id: str) -> Query:
        """Return a query with its state and figures."""
        return cast(Query, self._transport.get(f"/v1/queries/{query_id}"))

    def list(self, *, states: Sequence[str] = (), search: str | None = None, limit: int | None = None) -> Iterator[Query]:
        """Give the queries, newest first."""
        return self._transport.items("/v1/queries", limit=limit, state=tuple(states), q=search)

    def follow(self, query_id: str) -> Iterator[Query]:
        """Give each state of a query as it changes, the last one last."""
        return (cast(Query, state) for state in follow(self._transport, f"/v1/queries/{query_id}"))

    def wait(self, query_id: str, *, on_change: OnQuery | None = None) -> Query:
        """Wait for a query and return it; raise Failed or Cancelled if it did not succeed."""
        return wait(self.follow(query_id), path=f"/v1/queries/{query_id}", what=f"query {query_id}", on_change=on_change)

    def cancel(self, query_id: str) -> Query:
        """Ask a query to stop; it takes effect within two seconds."""
        return cast(Query, self._transport.patiently(lambda: self._transport.json("POST", f"/v1/queries/{query_id}/cancel")))

    def pages(self, query_id: str, *, rows: int = 1000) -> Iterator[ResultPage]:
        """Give the result page by page, at most so many rows each."""
        params: dict[str, str | int] = {"limit": rows}
        while True:
            page = cast(ResultPage, self._transport.get(f"/v1/queries/{query_id}/results", params=params))
            yield page
            if page["next_cursor"] is None:
                return
            params["cursor"] = page["next_cursor"]
