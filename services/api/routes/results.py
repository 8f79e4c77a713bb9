"""Operations on the results of queries."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from services.api import results
from services.api.answers import NO_BODY, IfNoneMatch, file_content, problems
from services.api.deps import Caller, Deps
from services.api.paging import CursorQuery, Paging
from services.api.parameters import QueryPath
from services.api.schemas.jobs import Job
from services.api.schemas.results import ResultPage
from services.shared.errors import (
    InsufficientStorage,
    InvalidCursor,
    QueryNotFinished,
    QueryNotFound,
    RangeNotSatisfiable,
    ResultExpired,
    ValidationFailed,
)

MAX_ROWS = 10_000
router = APIRouter(prefix="/v1/queries/{query_id}", tags=["Results"])
_GONE = problems(QueryNotFound, QueryNotFinished, ResultExpired, ValidationFailed)
_FILE = file_content(*results.MEDIA_TYPES.values())


def read_paging(limit: Annotated[int, Query(ge=1, le=MAX_ROWS, description="The most rows of a page.")] = 1000, cursor: CursorQuery = None) -> Paging:
    """Return which page of a result the request wants."""
    return Paging(limit, cursor)


@router.get("/results", response_model=ResultPage, responses={**NO_BODY, **_GONE, **problems(InvalidCursor)})
def get_query_results(
    services: Deps, caller: Caller, fresh: IfNoneMatch, page: Annotated[Paging, Depends(read_paging)], query_id: QueryPath
) -> Response:
    """Get a page of a query's result."""
    return results.answer_page(services, caller, query_id, paging=page, fresh=fresh)


@router.get(
    "/download",
    response_class=Response,
    responses={
        200: _FILE,
        202: {"model": Job, "description": "The export job that makes the file."},
        206: {**_FILE, "description": "The part of the file that was asked for."},
        307: {"description": "The file is at the address in `Location`, for some minutes."},
        **NO_BODY,
        **_GONE,
        **problems(RangeNotSatisfiable, InsufficientStorage),
    },
)
def download_query_result(
    services: Deps,
    caller: Caller,
    request: Request,
    fresh: IfNoneMatch,
    query_id: QueryPath,
    form: Annotated[Literal["csv", "parquet", "jsonl", "xlsx"], Query(alias="format", description="The format of the file.")] = "csv",
    safe: Annotated[Literal["spreadsheet"] | None, Query(description="Let a spreadsheet evaluate no cell (`csv` and `xlsx`).")] = None,
    _range: Annotated[str | None, Header(alias="Range", description="The bytes wanted, as one range; several get the whole file.")] = None,
    _if_range: Annotated[str | None, Header(alias="If-Range", description="Take the range only if the file still has this ETag.")] = None,
) -> Response:
    """Download the whole result of a query."""
    return results.download(services, caller, query_id, wanted=results.Form(form, safe), request=request, fresh=fresh)
