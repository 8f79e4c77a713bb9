"""What publishes leave behind, put right by the reconciler: old versions, files that no record names, a catalog that a dead attempt moved.

Every rule reads the files first and the records afterwards: what was there, and is named by no record and no running job, belongs to
nobody, and whoever comes later writes under a name of its own. Of the records, jobs that go on are read first: one that ends meanwhile has
then named what it made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, select, update

from services.shared.catalog.embedded import STAGING, VERSIONS
from services.shared.catalog.port import DATASET_PARAMETER, CatalogConflict, Table
from services.shared.clock import utc_now
from services.shared.jobs.model import TERMINAL
from services.shared.publish_contract import Mode, PublishContract
from services.shared.records.tables import dataset_versions, datasets, jobs
from services.worker.deps import Worker
from services.worker.publish.flip import NewVersion, drop_tables, user_table, version_name, version_table
from services.worker.publish.targets import TableColumn

_AT_ONCE = 100


def sweep_versions(worker: Worker) -> int:
    """Free versions beyond those retained, once their grace is over; the current one and files that another version shares stay."""
    freed = 0
    over = utc_now() - timedelta(seconds=worker.settings.version_grace_s)
    with worker.database.read() as tx:
        old = (
            tx.execute(
                select(dataset_versions, datasets.c.workspace, datasets.c.version.label("current"))
                .join(datasets, datasets.c.id == dataset_versions.c.dataset_id)
                .where(
                    dataset_versions.c.freed_at.is_(None),
                    dataset_versions.c.replaced_at < over,
                    dataset_versions.c.version <= datasets.c.version - worker.settings.retain_versions,
                    datasets.c.busy_job_id.is_(None),
                )
                .order_by(dataset_versions.c.version)
                .limit(_AT_ONCE)
            )
            .mappings()
            .all()
        )
    for row in old:
        freed += _free(worker, row)
    return freed


def _free(worker: Worker, row: RowMapping) -> int:
    """Record first that the version is freed, so that no restore begins on it, then delete what no other version shares."""
    this = (dataset_versions.c.dataset_id == row["dataset_id"], dataset_versions.c.version == row["version"])
    with worker.database.write() as tx:
        idle = select(datasets.c.id).where(datasets.c.id == row["dataset_id"], datasets.c.busy_job_id.is_(None), datasets.c.version != row["version"])
        if tx.execute(idle).first() is None:
            return 0
        tx.execute(update(dataset_versions).where(*this).values(freed_at=utc_now()))
        shared = select(dataset_versions.c.version).where(dataset_versions.c.prefix == row["prefix"], dataset_versions.c.freed_at.is_(None))
        alone = tx.execute(shared).first() is None
    if alone:
        worker.catalog.drop_table(VERSIONS, version_name(row["prefix"]))
        worker.storage.delete_prefix(row["prefix"])
    return 1


def sweep_work(worker: Worker) -> int:
    """Delete the work areas of jobs that are over, and version folders that no record names; return how many."""
    with worker.database.read() as tx:
        workspaces = tx.execute(select(jobs.c.workspace).distinct()).scalars().all()
    return sum(_sweep_work_areas(worker, name) + _sweep_folders(worker, name) for name in workspaces)


def _sweep_work_areas(worker: Worker, workspace: str) -> int:
    areas = set(folders(worker, f"ws/{workspace}/work/", depth=1))
    if not areas:
        return 0
    with worker.database.read() as tx:
        alive = set(tx.execute(select(jobs.c.id).where(jobs.c.state.not_in(TERMINAL))).scalars())
    dead = [area for area in areas if area.rstrip("/").rsplit("/", 1)[1] not in alive]
    for area in dead:
        worker.storage.delete_prefix(area)
    return len(dead)


def _sweep_folders(worker: Worker, workspace: str) -> int:
    found = set(folders(worker, f"ws/{workspace}/tables/", depth=2))
    if not found:
        return 0
    with worker.database.read() as tx:
        busy = set(tx.execute(select(datasets.c.id).where(datasets.c.busy_job_id.is_not(None))).scalars())
        named = set(tx.execute(select(dataset_versions.c.prefix).where(dataset_versions.c.freed_at.is_(None))).scalars())
    kept = {prefix.rstrip("/").rsplit("/", 1)[0] + "/" for prefix in named}
    dead = [folder for folder in found if folder not in kept and folder.split("/")[3] not in busy]
    for folder in dead:
        worker.storage.delete_prefix(folder)
    return len(dead)


def folders(worker: Worker, top: str, *, depth: int) -> Iterator[str]:
    """Yield the folders so many levels below `top` that have objects."""
    for info in worker.storage.list(top):
        levels = info.key.removeprefix(top).split("/")
        if len(levels) > depth:
            yield top + "/".join(levels[:depth]) + "/"


def mend_catalog(worker: Worker, *, changed_since: datetime | None = None) -> int:
    """Point tables that are not where their dataset's record says back to it, and drop those whose dataset is gone; return how many.

    With `changed_since` only datasets are looked at that a job has let go of since then: cheap enough for every tick.
    The tables are listed before the records are read, and a change names the version listed: a publish meanwhile is never undone.
    """
    looked_at: ColumnElement[bool] = datasets.c.busy_job_id.is_(None)
    if changed_since is not None:
        looked_at &= datasets.c.updated_at >= changed_since
    with worker.database.read() as tx:
        names = tx.execute(select(datasets.c.database, datasets.c.name).where(looked_at).distinct()).all()
    tables = _find_tables(worker, names) if changed_since is not None else _list_tables(worker, {name.database for name in names})
    with worker.database.read() as tx:
        idle = tx.execute(select(datasets).where(looked_at)).mappings().all()
        current = tx.execute(
            select(dataset_versions)
            .join(datasets, (datasets.c.id == dataset_versions.c.dataset_id) & (datasets.c.version == dataset_versions.c.version))
            .where(datasets.c.live_name.is_not(None), looked_at)
        ).mappings()
        wanted = {row["dataset_id"]: row for row in current}
    listed = [row for row in idle if (row["database"], row["name"]) in tables or changed_since is None]
    return sum(_mend(worker, row, tables.get((row["database"], row["name"])), wanted.get(row["id"])) for row in listed)


def _find_tables(worker: Worker, names: Iterable[Any]) -> dict[tuple[str, str], Table | None]:
    return {(database, name): worker.catalog.find_table(database, name) for database, name in names}


def _list_tables(worker: Worker, databases: Iterable[str]) -> dict[tuple[str, str], Table | None]:
    return {(table.database, table.name): table for name in databases for table in worker.catalog.list_tables(name)}


def _mend(worker: Worker, dataset: RowMapping, present: Table | None, version: RowMapping | None) -> int:
    ours = present is not None and present.parameters.get(DATASET_PARAMETER) == dataset["id"]
    if version is None:
        if ours:
            drop_tables(worker.catalog, present, dataset["id"])
        return int(ours)
    contract = PublishContract(
        dataset["id"], dataset["name"], dataset["database"], Mode(version["mode"]), version["version"], None,
        format=dataset["format"], partition_by=tuple(version["partition_by"]),
    )  # fmt: skip
    new = NewVersion(version["prefix"], [TableColumn(**column) for column in version["columns"]], {})
    try:
        mended = _mend_behind(worker, version_table(contract, new))
        if present is None or (ours and present.location != version["prefix"]):
            worker.catalog.put_table(user_table(contract, new), expected_version=present.version if present else None)
            mended = 1
    except CatalogConflict:
        return 0
    return mended


def _mend_behind(worker: Worker, wanted: Table | None) -> int:
    """Put the table behind a dataset's view if it is missing."""
    if wanted is None or worker.catalog.find_table(wanted.database, wanted.name) is not None:
        return 0
    worker.catalog.put_table(wanted, expected_version=None)
    return 1


def sweep_staging(worker: Worker) -> int:
    """Drop staged tables with their crawls, and tables behind views that no version names, of datasets that no job is changing."""
    staged, behind = worker.catalog.list_tables(STAGING), worker.catalog.list_tables(VERSIONS)
    if not staged and not behind:
        return 0
    with worker.database.read() as tx:
        busy = tuple(tx.execute(select(datasets.c.id).where(datasets.c.busy_job_id.is_not(None))).scalars())
        named = set(tx.execute(select(dataset_versions.c.prefix).where(dataset_versions.c.freed_at.is_(None))).scalars())
    dead = [table for table in staged if not table.name.startswith(busy or ("\0",))]
    for table in dead:
        worker.catalog.delete_crawl("_".join(table.name.split("_")[:5]))
    dead += [table for table in behind if table.location not in named and table.parameters.get(DATASET_PARAMETER) not in busy]
    for table in dead:
        worker.catalog.drop_table(table.database, table.name)
    return len(dead)
