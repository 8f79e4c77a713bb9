"""Jobs as the api shows them: the record, the progress its worker shows, and what a user may do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, case, literal, null, select

from services.api.answers import Answer, accepted, to_bytes
from services.api.deps import Services
from services.api.events import Resource, Snapshot
from services.api.live import LiveProgress
from services.api.paging import Listing, Paging, newest
from services.api.schemas import jobs as schemas
from services.shared.errors import JobNotFound
from services.shared.jobs.model import Job, Kind, State, job_from
from services.shared.principal import Principal
from services.shared.records.tables import Json, jobs

Result = schemas.ProfileResult | schemas.PublishResult | schemas.ExportResult | schemas.DropResult | None
_FIGURES = tuple(schemas.Progress.model_fields)


def load_job(tx: Connection, services: Services, principal: Principal, job_id: str) -> Job:
    """Return a job that this principal may see, or raise JobNotFound."""
    job = services.jobs.load(tx, job_id)
    if job.workspace != principal.workspace or job.kind is Kind.QUERY:
        raise JobNotFound(f"There is no job {job_id}.")
    return job


def get_job(services: Services, principal: Principal, job_id: str) -> schemas.Job:
    """Return the job as it is now."""
    with services.database.read() as tx:
        row = tx.execute(_shown(principal).where(jobs.c.id == job_id)).mappings().first()
    if row is None:
        raise JobNotFound(f"There is no job {job_id}.")
    return present(job_from(row), services.live)


def get_record(services: Services, principal: Principal, job_id: str) -> Job:
    """Return the job's record, or raise JobNotFound."""
    with services.database.read() as tx:
        return load_job(tx, services, principal, job_id)


def list_jobs(
    services: Services, principal: Principal, *, kinds: Sequence[str], states: Sequence[str], resource_id: str | None, paging: Paging
) -> schemas.JobList:
    """Return a page of jobs, newest first; queries are not among them."""
    statement = _shown(principal)
    if kinds:
        statement = statement.where(jobs.c.kind.in_(kinds))
    if states:
        statement = statement.where(jobs.c.state.in_(states))
    if resource_id is not None:
        statement = statement.where(jobs.c.resource_id == resource_id)
    listing = Listing("jobs", principal.workspace, (sorted(kinds), sorted(states), resource_id))
    with services.database.read() as tx:
        rows, cursor = newest(tx, statement, jobs, listing=listing, paging=paging)
    return schemas.JobList(items=tuple(present(job_from(row), services.live) for row in rows), next_cursor=cursor)


def cancel_job(services: Services, principal: Principal, job_id: str) -> Answer:
    """Ask for the job's end."""
    with services.database.write() as tx:
        load_job(tx, services, principal, job_id)
        job = services.jobs.cancel(tx, job_id)
    services.outbox.send_new_soon()
    return accept(job, services)


def retry_job(services: Services, principal: Principal, job_id: str) -> Answer:
    """Queue a failed or cancelled job again."""
    with services.database.write() as tx:
        load_job(tx, services, principal, job_id)
        job = services.jobs.retry(tx, job_id)
    services.outbox.send_new_soon()
    return accept(job, services)


def _shown(principal: Principal) -> Select[Any]:
    """Select what is shown of jobs; what a publish of twenty thousand columns was asked, and how far it is, is megabytes and not shown."""
    small = [column for column in jobs.c if column.name not in ("params", "checkpoint")]
    params = case((jobs.c.kind == Kind.EXPORT, jobs.c.params), else_=literal({}, Json)).label("params")
    return select(*small, params, null().label("checkpoint")).where(jobs.c.workspace == principal.workspace, jobs.c.kind != Kind.QUERY)


def accept(job: Job, services: Services) -> Answer:
    """Return the answer of accepted work: the job, and where it is."""
    return accepted(present(job, services.live), location=f"/v1/jobs/{job.id}")


def job_resource(services: Services, principal: Principal, job_id: str) -> Resource:
    """Return the job as something to read or follow; reading raises JobNotFound."""

    def read() -> Snapshot:
        job = get_job(services, principal, job_id)
        return Snapshot(to_bytes(job), job.finished_at is not None)

    return Resource("job", f"{principal.workspace}/{job_id}", read)


def present(job: Job, live: LiveProgress) -> schemas.Job:
    """Project the record, with the live progress, onto the contract."""
    phase, progress = live.merged(job)
    return schemas.Job(
        id=job.id,
        kind=job.kind.value,
        state=job.state.value,
        phase=phase,
        progress=schemas.Progress(**_figures(progress)),
        attempt=job.attempt,
        resource=schemas.JobResource.model_validate({"type": job.resource_type, "id": job.resource_id}),
        result=_result(job),
        error=job.error,
        queued_at=job.queued_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        heartbeat_at=job.heartbeat_at,
        cancel_requested_at=job.cancel_requested_at,
    )


def _figures(progress: dict[str, Any]) -> dict[str, Any]:
    return {name: progress.get(name) for name in _FIGURES}


def _result(job: Job) -> Result:
    result = job.result
    if result is None or job.state is not State.SUCCEEDED:
        return None
    match job.kind:
        case Kind.PROFILE:
            return schemas.ProfileResult(profile_id=result["profile_id"])
        case Kind.PUBLISH:
            return schemas.PublishResult(dataset=result["name"], version=result["version"])
        case Kind.EXPORT:
            return schemas.ExportResult(query_id=job.resource_id, format=job.params["format"], safe=job.params.get("safe"), bytes=result["bytes"])
        case Kind.DROP:
            return schemas.DropResult(dropped=result["name"])
        case Kind.QUERY:
            return None
