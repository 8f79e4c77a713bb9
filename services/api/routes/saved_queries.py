"""Operations on saved queries."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.api import saved_queries
from services.api.answers import NO_BODY, IfMatch, IfNoneMatch, problems
from services.api.deps import Caller, Deps
from services.api.idempotency import KeyHeader, key_of, once
from services.api.paging import PageWanted
from services.api.parameters import SavedQueryPath, SearchName
from services.api.schemas.queries import SavedQuery, SavedQueryList, SavedQueryRequest
from services.shared.errors import IdempotencyConflict, InvalidCursor, PreconditionFailed, SavedQueryExists, SavedQueryNotFound, ValidationFailed

router = APIRouter(prefix="/v1/saved-queries", tags=["Saved queries"])


@router.get("", response_model=SavedQueryList, responses={**NO_BODY, **problems(InvalidCursor, ValidationFailed)})
def list_saved_queries(services: Deps, caller: Caller, fresh: IfNoneMatch, page: PageWanted, q: SearchName = None) -> Response:
    """List the saved queries, newest first."""
    return fresh.answer(saved_queries.list_saved(services, caller, search=q, paging=page))


@router.post("", status_code=201, response_model=SavedQuery, responses=problems(IdempotencyConflict, ValidationFailed))
def create_saved_query(services: Deps, caller: Caller, request: Request, body: SavedQueryRequest, key: KeyHeader = None) -> Response:
    """Keep a statement under a name."""
    named = key_of(request, caller, key, content=body.model_dump(mode="json"))
    return once(services, named, lambda: saved_queries.save(services, caller, body))


@router.get("/{saved_query_id}", response_model=SavedQuery, responses={**NO_BODY, **problems(SavedQueryNotFound)})
def get_saved_query(services: Deps, caller: Caller, fresh: IfNoneMatch, saved_query_id: SavedQueryPath) -> Response:
    """Get one saved query."""
    return fresh.answer(saved_queries.get_saved(services, caller, saved_query_id))


@router.put(
    "/{saved_query_id}",
    response_model=SavedQuery,
    responses=problems(SavedQueryNotFound, SavedQueryExists, PreconditionFailed, ValidationFailed),
)
def replace_saved_query(services: Deps, caller: Caller, body: SavedQueryRequest, saved_query_id: SavedQueryPath, unchanged: IfMatch) -> Response:
    """Replace a saved query."""
    return saved_queries.replace(services, caller, saved_query_id, body, unchanged=unchanged).response()


@router.delete("/{saved_query_id}", status_code=204, response_class=Response, responses=problems(SavedQueryNotFound, PreconditionFailed))
def delete_saved_query(services: Deps, caller: Caller, saved_query_id: SavedQueryPath, unchanged: IfMatch) -> Response:
    """Delete a saved query."""
    saved_queries.remove(services, caller, saved_query_id, unchanged=unchanged)
    return Response(status_code=204)
