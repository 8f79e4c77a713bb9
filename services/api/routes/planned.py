"""What is in the contract and not built yet, as it will be: only parameters, bodies and answers, no handlers."""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.api.answers import NO_BODY, IfNoneMatch, problems
from services.api.idempotency import KeyHeader
from services.api.paging import PageWanted
from services.api.parameters import SavedQueryPath, SearchName
from services.api.planned import PlannedRoute
from services.api.schemas.queries import Estimate, EstimateRequest, SavedQuery, SavedQueryList, SavedQueryRequest
from services.shared.errors import (
    DatabaseNotFound,
    IdempotencyConflict,
    InvalidCursor,
    NotFound,
    NotImplementedYet,
    StatementNotAllowed,
    ValidationFailed,
)

router = APIRouter(route_class=PlannedRoute)
_SAVED = "/v1/saved-queries"
_PLANNED = problems(NotImplementedYet)


@router.post(
    "/v1/queries/estimate",
    tags=["Queries"],
    response_model=Estimate,
    responses={**_PLANNED, **problems(StatementNotAllowed, DatabaseNotFound, ValidationFailed)},
)
def estimate_query(body: EstimateRequest) -> None:
    """Bound what a statement can scan and cost, without running it."""


@router.get(
    _SAVED, tags=["Saved queries"], response_model=SavedQueryList, responses={**_PLANNED, **NO_BODY, **problems(InvalidCursor, ValidationFailed)}
)
def list_saved_queries(fresh: IfNoneMatch, page: PageWanted, q: SearchName = None) -> None:
    """List the saved queries, newest first."""


@router.post(
    _SAVED,
    tags=["Saved queries"],
    status_code=201,
    response_model=SavedQuery,
    responses={**_PLANNED, **problems(IdempotencyConflict, ValidationFailed)},
)
def create_saved_query(body: SavedQueryRequest, key: KeyHeader = None) -> None:
    """Keep a statement under a name."""


@router.get(_SAVED + "/{saved_query_id}", tags=["Saved queries"], response_model=SavedQuery, responses={**_PLANNED, **NO_BODY, **problems(NotFound)})
def get_saved_query(fresh: IfNoneMatch, saved_query_id: SavedQueryPath) -> None:
    """Get one saved query."""


@router.put(
    _SAVED + "/{saved_query_id}",
    tags=["Saved queries"],
    response_model=SavedQuery,
    responses={**_PLANNED, **problems(NotFound, IdempotencyConflict, ValidationFailed)},
)
def replace_saved_query(body: SavedQueryRequest, saved_query_id: SavedQueryPath) -> None:
    """Replace a saved query."""


@router.delete(
    _SAVED + "/{saved_query_id}",
    tags=["Saved queries"],
    status_code=204,
    response_class=Response,
    responses={**_PLANNED, **problems(NotFound)},
)
def delete_saved_query(saved_query_id: SavedQueryPath) -> None:
    """Delete a saved query."""
