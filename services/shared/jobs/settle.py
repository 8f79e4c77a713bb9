"""What a job's end does to the dataset it held: one statement each, in the transaction that ends the job."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, select, update
from sqlalchemy.exc import IntegrityError

from services.shared.errors import DatasetBusy, DatasetExists, JobNotRetryable, UploadGone
from services.shared.jobs.model import Job, Kind, State
from services.shared.records.tables import datasets, uploads


def release(tx: Connection, job: Job, state: State, *, now: datetime) -> None:
    """Let go of the job's dataset; a dataset whose first publish did not succeed gives its name back."""
    if job.resource_type != "dataset":
        return
    if state is not State.SUCCEEDED:
        never_ready = and_(datasets.c.id == job.resource_id, datasets.c.busy_job_id == job.id, datasets.c.version.is_(None))
        tx.execute(update(datasets).where(never_ready).values(live_name=None))
        tx.execute(
            update(datasets)
            .where(datasets.c.id == job.resource_id, datasets.c.busy_job_id == job.id, datasets.c.state == "dropping")
            .values(state="ready")
        )
    tx.execute(update(datasets).where(datasets.c.busy_job_id == job.id).values(busy_job_id=None, updated_at=now))


def reopen(tx: Connection, job: Job) -> None:
    """Take the dataset again for a job that is tried once more; raise UploadGone if what it reads is no longer there."""
    if job.kind is Kind.QUERY:
        raise JobNotRetryable("A query is run again by submitting it again.")
    _require_bytes(tx, job)
    if job.resource_type != "dataset":
        return
    row = tx.execute(select(datasets).where(datasets.c.id == job.resource_id)).mappings().one()
    if row["busy_job_id"] is not None:
        raise DatasetBusy(f"The dataset {row['name']} is being changed by the job {row['busy_job_id']}.")
    if row["live_name"] is None and row["version"] is not None:
        raise JobNotRetryable(f"The dataset {row['name']} was dropped.")
    try:
        with tx.begin_nested():
            taken = tx.execute(
                update(datasets)
                .where(datasets.c.id == job.resource_id, datasets.c.busy_job_id.is_(None))
                .values(
                    busy_job_id=job.id,
                    last_job_id=job.id,
                    live_name=f"{row['workspace']}/{row['name']}",
                    state="dropping" if job.kind is Kind.DROP else row["state"],
                )
            )
    except IntegrityError as error:
        raise DatasetExists(f"Another dataset is called {row['name']} by now.") from error
    if taken.rowcount == 0:
        raise DatasetBusy(f"The dataset {row['name']} has just been taken by another job.")


def _require_bytes(tx: Connection, job: Job) -> None:
    upload_id = job.resource_id if job.resource_type == "upload" else job.params.get("upload_id")
    if upload_id is None:
        return
    upload = tx.execute(select(uploads.c.freed_at).where(uploads.c.id == upload_id)).first()
    if upload is None or upload.freed_at is not None:
        raise UploadGone(f"The bytes of the upload {upload_id} are gone.")
