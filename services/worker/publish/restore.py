"""Restoring: a new version that points to the files of an old one."""

from __future__ import annotations

from services.shared.errors import VersionNotFound
from services.shared.jobs.run import Run
from services.shared.publish_contract import PublishContract
from services.worker.deps import Worker
from services.worker.publish.flip import NewVersion, point_catalog, put_version, record_version, user_table
from services.worker.publish.versions import current_version, load_version

_TAKEN_OVER = ("partition_by", "files", "rows", "bytes", "column_bytes", "statistics", "upload_id", "profile_id", "source", "rejects_key", "crawl")


def restore(worker: Worker, run: Run, contract: PublishContract) -> None:
    """Make the files of the version `contract.restore` current again."""
    run.report(phase="flipping")
    if contract.restore is None:
        raise VersionNotFound("There is no version to restore.")
    with worker.database.read() as tx:
        current_version(tx, run.job, contract)
        old = load_version(tx, contract.dataset_id, contract.restore)
    receipt = {**old.row["receipt"], "version": contract.version}
    values = {name: old.row[name] for name in _TAKEN_OVER} | {"receipt": receipt, "restored_from": contract.restore}
    new = NewVersion(old.prefix, old.columns, values)
    put_version(worker, run.job, contract, new)
    point_catalog(worker, run.job, user_table(contract, new))
    result = {"dataset_id": contract.dataset_id, "name": contract.name, "version": contract.version, "restored_from": contract.restore}
    record_version(worker, run, contract, new, result=result)
