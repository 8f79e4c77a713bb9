"""Operations on what was found in an upload: its preview, its profiles, its rejects."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from services.api import profiles, rejects
from services.api.answers import NO_BODY, IfNoneMatch, problems
from services.api.deps import Caller, Deps, RequestId
from services.api.idempotency import KeyHeader, key_of, once
from services.api.paging import PageWanted
from services.api.parameters import Columns, PreviewRows, ProfilePath, UploadPath
from services.api.schemas.jobs import Job
from services.api.schemas.profiles import Profile, ProfileRequest
from services.api.schemas.uploads import Preview, RejectList, Upload
from services.shared.errors import (
    IdempotencyConflict,
    InvalidCursor,
    ProfileFailed,
    ProfileNotFound,
    ProfileNotReady,
    UploadGone,
    UploadNotFound,
    ValidationFailed,
)

router = APIRouter(prefix="/v1")
_LATER: dict[int | str, dict[str, Any]] = {202: {"model": Job, "description": "The job that makes it."}}
_UPLOAD = problems(UploadNotFound, UploadGone)


@router.get(
    "/uploads/{upload_id}/preview",
    tags=["Uploads"],
    response_model=Preview,
    responses={202: {"model": Upload, "description": "Not yet."}, **NO_BODY, **_UPLOAD, **problems(ProfileFailed, ValidationFailed)},
)
def get_upload_preview(
    services: Deps, caller: Caller, fresh: IfNoneMatch, upload_id: UploadPath, rows: PreviewRows = 50, columns: Columns = None
) -> Response:
    """Get the first rows of an upload as raw text, while bytes still arrive."""
    return profiles.answer_preview(services, caller, upload_id, rows=rows, columns=columns, fresh=fresh)


@router.get(
    "/uploads/{upload_id}/profile",
    tags=["Profiles"],
    response_model=Profile,
    responses={**_LATER, **NO_BODY, **_UPLOAD, **problems(ProfileNotReady, ValidationFailed)},
)
def get_upload_profile(services: Deps, caller: Caller, fresh: IfNoneMatch, upload_id: UploadPath, columns: Columns = None) -> Response:
    """Get the newest profile of an upload, or the job that makes it."""
    return profiles.answer_newest(services, caller, upload_id, columns=columns, fresh=fresh)


@router.post(
    "/uploads/{upload_id}/profile",
    tags=["Profiles"],
    status_code=202,
    response_model=Job,
    responses={**_UPLOAD, **problems(ProfileNotReady, ProfileFailed, IdempotencyConflict, ValidationFailed)},
)
def create_upload_profile(
    services: Deps,
    caller: Caller,
    request: Request,
    request_id: RequestId,
    upload_id: UploadPath,
    body: ProfileRequest | None = None,
    key: KeyHeader = None,
) -> Response:
    """Profile an upload again with other settings: no second upload."""
    wanted = body or ProfileRequest()

    def prepare() -> Any:
        checked = profiles.check_settings(wanted)
        return lambda tx: profiles.make_profile(tx, services, caller, upload_id=upload_id, wanted=checked, request_id=request_id)

    answer = once(services, key_of(request, caller, key, content=wanted.model_dump(mode="json")), prepare)
    services.outbox.send_new_soon()
    return answer


@router.get(
    "/uploads/{upload_id}/rejects",
    tags=["Rejects"],
    response_model=RejectList,
    responses={**NO_BODY, **_UPLOAD, **problems(InvalidCursor, ProfileNotReady, ValidationFailed)},
)
def list_upload_rejects(services: Deps, caller: Caller, fresh: IfNoneMatch, page: PageWanted, upload_id: UploadPath) -> Response:
    """List the records that the newest profile could not read."""
    return fresh.answer(rejects.list_rejects(services, rejects.of_upload(services, caller, upload_id), page))


@router.get(
    "/uploads/{upload_id}/rejects.csv",
    tags=["Rejects"],
    response_class=Response,
    responses={**rejects.FILE, **_UPLOAD, **problems(ProfileNotReady)},
)
def download_upload_rejects(services: Deps, caller: Caller, upload_id: UploadPath) -> Response:
    """Download the records that the newest profile could not read."""
    return rejects.download_rejects(services, rejects.of_upload(services, caller, upload_id))


@router.get(
    "/profiles/{profile_id}",
    tags=["Profiles"],
    response_model=Profile,
    responses={**NO_BODY, **problems(ProfileNotFound, ValidationFailed)},
)
def get_profile(services: Deps, caller: Caller, fresh: IfNoneMatch, profile_id: ProfilePath, columns: Columns = None) -> Response:
    """Get a finished profile; it never changes."""
    return profiles.answer_profile(services, caller, profile_id, columns=columns, fresh=fresh)
