"""The flip: one catalog update points the user's table to the new version, then one transaction of the records says so.

Partitions are objects of their own in the catalog, so a partitioned table can't be pointed elsewhere at once: each version is a whole table
in a database that users don't see, and their table is a view of it, replaced in one update.

Each half may be repeated. A zombie can't do harm with either: the catalog update names the version it replaces, and the transaction
the attempt; what a dead attempt left between the two is put right by the next one, or by `mend_catalog`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import insert, update

from services.shared.catalog.embedded import VERSIONS
from services.shared.catalog.port import DATASET_PARAMETER, VERSION_PARAMETER, Catalog, CatalogConflict, Table
from services.shared.catalog.serde import stored_as
from services.shared.clock import utc_now
from services.shared.errors import DatasetExists, LeaseLost, Unavailable
from services.shared.jobs.model import Job
from services.shared.jobs.run import CancelRequested, Run
from services.shared.keys import dataset_prefix
from services.shared.publish_contract import PublishContract
from services.shared.records.tables import dataset_versions, datasets
from services.shared.sql.names import quoted
from services.worker.deps import Worker
from services.worker.publish.layout import Layout, catalog_columns, lay_out
from services.worker.publish.targets import TableColumn

_TRIES = 3


@dataclass(frozen=True)
class NewVersion:
    """The row of a version that is complete and checked; `values` are the columns of `dataset_versions` beside its keys and times."""

    prefix: str
    columns: Sequence[TableColumn]
    values: dict[str, Any]


def user_table(contract: PublishContract, new: NewVersion) -> Table:
    """Return the table that users see: the version itself, or, of a partitioned dataset, a view of it."""
    columns = catalog_columns(new.columns)
    table = _table(contract, contract.database, contract.name, Layout(columns), new.prefix)
    if not contract.partition_by:
        return table
    names = ", ".join(quoted(column.name) for column in columns)
    return replace(table, view=f"SELECT {names} FROM {quoted(VERSIONS)}.{quoted(version_name(new.prefix))}")  # noqa: S608 - quoted names


def version_table(contract: PublishContract, new: NewVersion) -> Table | None:
    """Return the table behind the view of a partitioned dataset."""
    if not contract.partition_by:
        return None
    layout = lay_out(new.columns, contract.partition_by)
    return _table(contract, VERSIONS, version_name(new.prefix), layout, new.prefix)


def version_name(prefix: str) -> str:
    """Name the table of a version after its own folder, `{dataset}__v{n}_a{attempt}_{job}`, so that no two attempts write to one."""
    folder, name = prefix.rstrip("/").rsplit("/", 2)[1:]
    return f"{name}__{folder.replace('-', '_')}"


def _table(contract: PublishContract, database: str, name: str, layout: Layout, prefix: str) -> Table:
    stored = stored_as(contract.format, contract.serde)
    ours = {DATASET_PARAMETER: contract.dataset_id, VERSION_PARAMETER: str(contract.version)}
    return Table(database, name, layout.columns, prefix, stored.format, layout.keys, serde=stored.serde, parameters={**stored.parameters, **ours})


def put_version(worker: Worker, job: Job, contract: PublishContract, new: NewVersion) -> None:
    """Put the table behind the view, unless it is there; nobody sees it before the flip."""
    wanted = version_table(contract, new)
    if wanted is None or worker.catalog.find_table(wanted.database, wanted.name) is not None:
        return
    if worker.jobs.watch(job):
        raise CancelRequested(job.id)
    with suppress(CatalogConflict):
        worker.catalog.put_table(wanted, expected_version=None)


def point_catalog(worker: Worker, job: Job, wanted: Table) -> None:
    """Point the user's table to the new version, unless it is there already; raise DatasetExists if the table is not ours.

    Raise LeaseLost or CancelRequested instead, if this attempt may not go on.
    """
    present = worker.catalog.find_table(wanted.database, wanted.name)
    for _ in range(_TRIES):
        if worker.jobs.watch(job):
            raise CancelRequested(job.id)
        if present is not None and present.parameters == wanted.parameters and present.location == wanted.location:
            return
        if present is not None and not present.location.startswith(dataset_prefix(job.workspace, wanted.parameters[DATASET_PARAMETER])):
            raise DatasetExists(f"The table {wanted.database}.{wanted.name} was made elsewhere; a publish never replaces it.")
        try:
            worker.catalog.put_table(wanted, expected_version=present.version if present else None)
        except CatalogConflict:
            present = worker.catalog.find_table(wanted.database, wanted.name)
            continue
        return
    raise Unavailable(f"The table {wanted.database}.{wanted.name} is being changed by someone else.")


def record_version(worker: Worker, run: Run, contract: PublishContract, new: NewVersion, *, result: dict[str, Any]) -> None:
    """Make the version the current one and end the job, in one transaction."""
    now = utc_now()
    described = {} if contract.description is None else {"description": contract.description}
    with worker.database.write() as tx:
        changed = tx.execute(
            update(datasets)
            .where(datasets.c.id == contract.dataset_id, datasets.c.busy_job_id == run.job.id)
            .values(version=contract.version, state="ready", format=contract.format, updated_at=now, **described)
        )
        if changed.rowcount == 0:
            raise LeaseLost(run.job.id)
        tx.execute(
            update(dataset_versions)
            .where(dataset_versions.c.dataset_id == contract.dataset_id, dataset_versions.c.replaced_at.is_(None))
            .values(replaced_at=now)
        )
        tx.execute(
            insert(dataset_versions).values(
                dataset_id=contract.dataset_id,
                version=contract.version,
                job_id=run.job.id,
                created_at=now,
                mode=contract.mode,
                prefix=new.prefix,
                format=contract.format,
                serde=contract.serde,
                columns=[column.to_json() for column in new.columns],
                **new.values,
            )
        )
        run.succeed(tx, result)


def drop_tables(catalog: Catalog, table: Table | None, dataset_id: str) -> None:
    """Take the user's table away if it is this dataset's, and those behind it."""
    if table is not None and table.parameters.get(DATASET_PARAMETER) == dataset_id:
        catalog.drop_table(table.database, table.name)
    for behind in catalog.list_tables(VERSIONS):
        if behind.parameters.get(DATASET_PARAMETER) == dataset_id:
            catalog.drop_table(behind.database, behind.name)
