"""Operations on uploads: tus 1.0.0, one plain body, the list."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.api.answers import NO_BODY, IfNoneMatch, problems
from services.api.deps import Caller, Deps, RequestId
from services.api.idempotency import KeyHeader
from services.api.paging import PageWanted
from services.api.parameters import SearchName, UploadPath
from services.api.schemas.base import Sha256
from services.api.schemas.uploads import Upload, UploadList, UploadState
from services.api.stop import Stop, get_stop
from services.api.uploads import arrival, documented, listing, record, tus
from services.api.uploads.arrival import Arrival
from services.api.uploads.filename import DEFAULT
from services.api.uploads.record import Actor
from services.api.uploads.speaker import TusRoute
from services.shared.errors import InvalidCursor, UploadGone, UploadNotFound, ValidationFailed


async def get_actor(services: Deps, caller: Caller, request_id: RequestId) -> Actor:
    """Return who acts on uploads."""
    return Actor(services, caller, request_id)


async def get_arrival(request: Request, actor: Acting, stop: Annotated[Stop, Depends(get_stop)]) -> Arrival:
    """Return a request with bytes, once they may be read."""
    return Arrival(actor, request, stop)


Acting = Annotated[Actor, Depends(get_actor)]
Arriving = Annotated[Arrival, Depends(get_arrival)]
Filename = Annotated[str, Query(min_length=1, max_length=255, description="The name of the file in the plain body, for display.")]
Announced = Annotated[Sha256 | None, Query(description="The digest of the plain body; an upload that differs is `failed`.")]
States = Annotated[list[UploadState] | None, Query(alias="state", description="Only uploads in these states; repeat it for several.")]
Force = Annotated[bool, Query(description="Delete even if a version refers to it; the version stays, its raw file does not.")]

router = APIRouter(prefix="/v1/uploads", tags=["Uploads"], route_class=TusRoute)


@router.options("", status_code=204, response_class=Response, responses=documented.DESCRIBED)
def describe_uploads(services: Deps) -> Response:
    """Say which tus version and extensions this server speaks."""
    return Response(status_code=204, headers=tus.describe(services.settings))


@router.post("", status_code=201, response_model=Upload, responses=documented.CREATED, openapi_extra=documented.CREATE)
async def create_upload(arriving: Arriving, filename: Filename = DEFAULT, sha256: Announced = None, key: KeyHeader = None) -> Response:
    """Create an upload, by tus or as one plain body."""
    if "tus-resumable" in arriving.request.headers:
        return await arrival.create_by_tus(arriving, key=key)
    return await arrival.take_whole(arriving, filename=filename, sha256=sha256, key=key)


@router.get("", response_model=UploadList, responses={**NO_BODY, **problems(InvalidCursor, ValidationFailed)})
def list_uploads(actor: Acting, fresh: IfNoneMatch, page: PageWanted, state: States = None, q: SearchName = None) -> Response:
    """List the uploads, newest first."""
    return fresh.answer(listing.list_uploads(actor, states=state or (), search=q, paging=page))


@router.get("/{upload_id}", response_model=Upload, responses={**NO_BODY, **problems(UploadNotFound, UploadGone)})
def get_upload(actor: Acting, fresh: IfNoneMatch, upload_id: UploadPath) -> Response:
    """Get one upload with its offset and state."""
    return fresh.answer(Upload.model_validate(record.get(actor, upload_id)))


@router.head("/{upload_id}", response_class=Response, responses=documented.STANDING, openapi_extra=documented.HEAD)
def head_upload(request: Request, actor: Acting, upload_id: UploadPath) -> Response:
    """Ask where a tus upload stands."""
    tus.check_version(request.headers)
    return Response(headers=tus.head_headers(record.get_open(actor, upload_id)))


@router.patch("/{upload_id}", status_code=204, response_class=Response, responses=documented.APPENDED, openapi_extra=documented.PATCH)
async def patch_upload(arriving: Arriving, upload_id: UploadPath) -> Response:
    """Append bytes to a tus upload at its offset."""
    return await arrival.append(arriving, upload_id)


@router.delete("/{upload_id}", status_code=204, response_class=Response, responses=documented.DELETED, openapi_extra=documented.DELETE)
def delete_upload(request: Request, actor: Acting, upload_id: UploadPath, force: Force = False) -> Response:
    """Delete an upload and free its bytes."""
    if "tus-resumable" in request.headers:
        tus.check_version(request.headers)
    record.delete(actor, upload_id, force=force)
    return Response(status_code=204)
