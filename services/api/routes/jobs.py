"""Operations on jobs."""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.api import jobs, rejects
from services.api.answers import NO_BODY, IfNoneMatch, problems
from services.api.deps import Caller, Deps, Followed
from services.api.paging import PageWanted
from services.api.parameters import JobKinds, JobPath, JobStates, LastEventId, ResourceWanted
from services.api.schemas.jobs import Job, JobList
from services.api.schemas.uploads import RejectList
from services.shared.errors import (
    DatasetBusy,
    InvalidCursor,
    JobFinished,
    JobNotFound,
    JobNotRetryable,
    RejectsNotFound,
    UploadGone,
    ValidationFailed,
)

router = APIRouter(prefix="/v1/jobs", tags=["Jobs"])


@router.get("", response_model=JobList, responses={**NO_BODY, **problems(InvalidCursor, ValidationFailed)})
def list_jobs(
    services: Deps,
    caller: Caller,
    fresh: IfNoneMatch,
    page: PageWanted,
    kind: JobKinds = None,
    state: JobStates = None,
    resource_id: ResourceWanted = None,
) -> Response:
    """List the jobs, newest first; queries have a list of their own."""
    found = jobs.list_jobs(services, caller, kinds=kind or (), states=state or (), resource_id=resource_id, paging=page)
    return fresh.answer(found)


@router.get("/{job_id}", response_model=Job, responses={**NO_BODY, **problems(JobNotFound)})
async def get_job(by: Followed, fresh: IfNoneMatch, job_id: JobPath) -> Response:
    """Get one job with its state and progress."""
    latest = await by.feed.latest(jobs.job_resource(by.services, by.principal, job_id))
    return fresh.answer(latest.content)


@router.get(
    "/{job_id}/events",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}, **problems(JobNotFound)},
)
async def stream_job_events(by: Followed, job_id: JobPath, last_event_id: LastEventId = None) -> Response:
    """Follow a job as server-sent events."""
    return await by.feed.response(jobs.job_resource(by.services, by.principal, job_id), last_event_id=last_event_id)


@router.post("/{job_id}/cancel", status_code=202, response_model=Job, responses=problems(JobNotFound, JobFinished))
def cancel_job(services: Deps, caller: Caller, job_id: JobPath) -> Response:
    """Ask a job to stop."""
    return jobs.cancel_job(services, caller, job_id).response()


@router.post("/{job_id}/retry", status_code=202, response_model=Job, responses=problems(JobNotFound, JobNotRetryable, DatasetBusy, UploadGone))
def retry_job(services: Deps, caller: Caller, job_id: JobPath) -> Response:
    """Try a failed or cancelled job again, from its beginning."""
    return jobs.retry_job(services, caller, job_id).response()


@router.get(
    "/{job_id}/rejects",
    tags=["Rejects"],
    response_model=RejectList,
    responses={**NO_BODY, **problems(InvalidCursor, JobNotFound, RejectsNotFound, ValidationFailed)},
)
def list_job_rejects(services: Deps, caller: Caller, fresh: IfNoneMatch, page: PageWanted, job_id: JobPath) -> Response:
    """List the records that a job left out, also when it failed."""
    return fresh.answer(rejects.list_rejects(services, rejects.of_job(services, caller, jobs.get_record(services, caller, job_id)), page))


@router.get("/{job_id}/rejects.csv", tags=["Rejects"], response_class=Response, responses=rejects.FILE | problems(JobNotFound, RejectsNotFound))
def download_job_rejects(services: Deps, caller: Caller, job_id: JobPath) -> Response:
    """Download the records that a job left out."""
    return rejects.download_rejects(services, rejects.of_job(services, caller, jobs.get_record(services, caller, job_id)))
