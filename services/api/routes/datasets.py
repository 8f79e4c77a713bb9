"""Operations on datasets."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.api import datasets, rejects
from services.api.answers import NO_BODY, IfNoneMatch, problems
from services.api.deps import Caller, Deps, RequestId
from services.api.idempotency import KeyHeader, key_of, once
from services.api.paging import PageWanted
from services.api.parameters import DatasetPath, SearchName, VersionPath, VersionWanted
from services.api.publishing import Publisher
from services.api.schemas.datasets import Dataset, DatasetList, DatasetRequest, DatasetVersionList, Receipt
from services.api.schemas.jobs import Job
from services.api.schemas.uploads import RejectList
from services.shared.errors import (
    CsvCannotCarry,
    DatasetBusy,
    DatasetNotFound,
    IdempotencyConflict,
    InsufficientStorage,
    InvalidCursor,
    UploadGone,
    ValidationFailed,
    VersionNotFound,
)


async def get_publisher(services: Deps, caller: Caller, request_id: RequestId) -> Publisher:
    """Return who changes datasets."""
    return Publisher(services, caller, request_id)


Publishing = Annotated[Publisher, Depends(get_publisher)]
router = APIRouter(prefix="/v1/datasets", tags=["Datasets"])


@router.post(
    "",
    status_code=202,
    response_model=Job,
    responses=problems(DatasetNotFound, DatasetBusy, UploadGone, ValidationFailed, CsvCannotCarry, InsufficientStorage),
)
def create_dataset(publisher: Publishing, request: Request, body: DatasetRequest, key: KeyHeader = None) -> Response:
    """Publish an upload as a new dataset, as more rows of one, or instead of its rows."""
    named = key_of(request, publisher.principal, key, content=body.model_dump(mode="json"))
    answer = once(publisher.services, named, lambda: publisher.publish(body))
    publisher.services.outbox.send_new_soon()
    return answer


@router.get("", response_model=DatasetList, responses={**NO_BODY, **problems(InvalidCursor, ValidationFailed)})
def list_datasets(services: Deps, caller: Caller, fresh: IfNoneMatch, page: PageWanted, q: SearchName = None) -> Response:
    """List the datasets, newest first."""
    return fresh.answer(datasets.list_datasets(services, caller, search=q, paging=page))


@router.get("/{name}", response_model=Dataset, responses={**NO_BODY, **problems(DatasetNotFound)})
def get_dataset(services: Deps, caller: Caller, fresh: IfNoneMatch, name: DatasetPath) -> Response:
    """Get one dataset as its current version has it."""
    return fresh.answer(datasets.get_dataset(services, caller, name))


@router.delete("/{name}", status_code=202, response_model=Job, responses=problems(DatasetNotFound, DatasetBusy))
def delete_dataset(publisher: Publishing, name: DatasetPath) -> Response:
    """Drop a dataset with its table and all its versions."""
    answer = once(publisher.services, None, lambda: publisher.drop(name))
    publisher.services.outbox.send_new_soon()
    return answer


@router.get(
    "/{name}/versions", response_model=DatasetVersionList, responses={**NO_BODY, **problems(InvalidCursor, DatasetNotFound, ValidationFailed)}
)
def list_dataset_versions(services: Deps, caller: Caller, fresh: IfNoneMatch, page: PageWanted, name: DatasetPath) -> Response:
    """List a dataset's versions, newest first."""
    return fresh.answer(datasets.list_versions(services, caller, name, page))


@router.post(
    "/{name}/versions/{version}/restore",
    status_code=202,
    response_model=Job,
    responses=problems(DatasetNotFound, DatasetBusy, IdempotencyConflict, ValidationFailed),
)
def restore_dataset_version(publisher: Publishing, request: Request, name: DatasetPath, version: VersionPath, key: KeyHeader = None) -> Response:
    """Make a new version that points to the files of an old one."""
    answer = once(publisher.services, key_of(request, publisher.principal, key), lambda: publisher.restore(name, version))
    publisher.services.outbox.send_new_soon()
    return answer


@router.get("/{name}/receipt", response_model=Receipt, responses={**NO_BODY, **problems(VersionNotFound, ValidationFailed)})
def get_dataset_receipt(services: Deps, caller: Caller, fresh: IfNoneMatch, name: DatasetPath, version: VersionWanted = None) -> Response:
    """Get the receipt of a version: the proof that nothing was lost."""
    return fresh.answer(datasets.get_receipt(services, caller, name, version))


@router.get(
    "/{name}/versions/{version}/rejects",
    tags=["Rejects"],
    response_model=RejectList,
    responses={**NO_BODY, **problems(InvalidCursor, VersionNotFound, ValidationFailed)},
)
def list_version_rejects(services: Deps, caller: Caller, fresh: IfNoneMatch, page: PageWanted, name: DatasetPath, version: VersionPath) -> Response:
    """List the records that a version's publish left out."""
    source = rejects.of_version(caller, name, datasets.get_version(services, caller, name, version))
    return fresh.answer(rejects.list_rejects(services, source, page))


@router.get(
    "/{name}/versions/{version}/rejects.csv",
    tags=["Rejects"],
    response_class=Response,
    responses={**rejects.FILE, **problems(VersionNotFound, ValidationFailed)},
)
def download_version_rejects(services: Deps, caller: Caller, name: DatasetPath, version: VersionPath) -> Response:
    """Download the records that a version's publish left out."""
    source = rejects.of_version(caller, name, datasets.get_version(services, caller, name, version))
    return rejects.download_rejects(services, source)
