"""One task of a drop: the tables leave the catalog, then the name and the versions, then the files; any part may be repeated."""

from __future__ import annotations

from sqlalchemy import select, update

from services.shared.clock import utc_now
from services.shared.errors import DatasetNotFound
from services.shared.jobs.run import Run
from services.shared.keys import dataset_prefix
from services.shared.records.tables import dataset_versions, datasets
from services.worker.deps import Worker
from services.worker.publish.flip import drop_tables


def drop_step(worker: Worker, run: Run) -> None:
    """Drop the job's dataset."""
    job = run.job
    run.report(phase="dropping")
    with worker.database.read() as tx:
        dataset = tx.execute(select(datasets).where(datasets.c.id == job.resource_id)).mappings().first()
    if dataset is None:
        raise DatasetNotFound(f"There is no dataset {job.resource_id}.")
    run.check(at_once=True)
    drop_tables(worker.catalog, worker.catalog.find_table(dataset["database"], dataset["name"]), job.resource_id)
    now = utc_now()
    with worker.database.write() as tx:
        tx.execute(update(datasets).where(datasets.c.id == job.resource_id, datasets.c.busy_job_id == job.id).values(live_name=None, updated_at=now))
        tx.execute(
            update(dataset_versions)
            .where(dataset_versions.c.dataset_id == job.resource_id, dataset_versions.c.freed_at.is_(None))
            .values(freed_at=now, replaced_at=now)
        )
        run.succeed(tx, {"dataset_id": job.resource_id, "name": dataset["name"]})
    worker.storage.delete_prefix(dataset_prefix(job.workspace, job.resource_id))
