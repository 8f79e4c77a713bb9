"""Operations on queries."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.api import queries
from services.api.answers import NO_BODY, Fresh, IfNoneMatch, problems
from services.api.deps import Caller, Deps, Followed, RequestId
from services.api.idempotency import KeyHeader, key_of, once
from services.api.paging import PageWanted
from services.api.parameters import JobStates, LastEventId, QueryPath, SearchSql
from services.api.schemas.queries import Estimate, EstimateRequest, Query, QueryList, QueryRequest
from services.shared.errors import (
    DatabaseNotFound,
    IdempotencyConflict,
    InvalidCursor,
    QueryFinished,
    QueryNotFound,
    StatementNotAllowed,
    ValidationFailed,
)

router = APIRouter(prefix="/v1/queries", tags=["Queries"])


@router.post(
    "",
    status_code=202,
    response_model=Query,
    responses=problems(StatementNotAllowed, DatabaseNotFound, IdempotencyConflict, ValidationFailed),
)
def create_query(services: Deps, caller: Caller, request: Request, request_id: RequestId, body: QueryRequest, key: KeyHeader = None) -> Response:
    """Run one statement of Athena SQL."""
    named = key_of(request, caller, key, content=body.model_dump(mode="json"))
    answer = once(services, named, lambda: queries.submit_query(services, caller, body, request_id=request_id))
    services.outbox.send_new_soon()
    return answer


@router.post("/estimate", response_model=Estimate, responses=problems(StatementNotAllowed, DatabaseNotFound, ValidationFailed))
def estimate_query(services: Deps, caller: Caller, body: EstimateRequest) -> Response:
    """Bound what a statement can scan and cost, without running it."""
    return Fresh().answer(queries.estimate_query(services, caller, body))


@router.get("", response_model=QueryList, responses={**NO_BODY, **problems(InvalidCursor, ValidationFailed)})
def list_queries(services: Deps, caller: Caller, fresh: IfNoneMatch, page: PageWanted, state: JobStates = None, q: SearchSql = None) -> Response:
    """List the queries, newest first."""
    return fresh.answer(queries.list_queries(services, caller, states=state or (), search=q, paging=page))


@router.get("/{query_id}", response_model=Query, responses={**NO_BODY, **problems(QueryNotFound)})
async def get_query(by: Followed, fresh: IfNoneMatch, query_id: QueryPath) -> Response:
    """Get one query with its state and figures."""
    latest = await by.feed.latest(queries.query_resource(by.services, by.principal, query_id))
    return fresh.answer(latest.content)


@router.get(
    "/{query_id}/events",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}, **problems(QueryNotFound)},
)
async def stream_query_events(by: Followed, query_id: QueryPath, last_event_id: LastEventId = None) -> Response:
    """Follow a query as server-sent events."""
    return await by.feed.response(queries.query_resource(by.services, by.principal, query_id), last_event_id=last_event_id)


@router.post("/{query_id}/cancel", status_code=202, response_model=Query, responses=problems(QueryNotFound, QueryFinished))
def cancel_query(services: Deps, caller: Caller, query_id: QueryPath) -> Response:
    """Ask a query to stop."""
    return queries.cancel_query(services, caller, query_id).response()
