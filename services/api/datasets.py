"""Datasets as the api shows them: tables with versions, each with its receipt."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, select

from services.api.deps import Services
from services.api.paging import Listing, Paging, newest
from services.api.schemas import datasets as schemas
from services.shared.errors import DatasetNotFound, VersionNotFound
from services.shared.principal import Principal
from services.shared.records.tables import dataset_versions, datasets


def live_name(principal: Principal, name: str) -> str:
    """Return what no two datasets of a workspace share while they live."""
    return f"{principal.workspace}/{name}"


def find_dataset(tx: Connection, principal: Principal, name: str, *, lock: bool = False) -> RowMapping | None:
    """Return the record of the dataset that has this name now, or None."""
    statement = select(datasets).where(datasets.c.live_name == live_name(principal, name))
    return tx.execute(statement.with_for_update() if lock else statement).mappings().first()


def load_dataset(tx: Connection, principal: Principal, name: str, *, lock: bool = False) -> RowMapping:
    """Return the record of the dataset that has this name now, or raise DatasetNotFound."""
    row = find_dataset(tx, principal, name, lock=lock)
    if row is None:
        raise DatasetNotFound(f"There is no dataset {name}.")
    return row


def load_version(tx: Connection, dataset: RowMapping, number: int | None) -> RowMapping:
    """Return the record of a version, the current one by default, or raise VersionNotFound."""
    wanted = dataset["version"] if number is None else number
    where = (dataset_versions.c.dataset_id == dataset["id"], dataset_versions.c.version == wanted)
    row = tx.execute(select(dataset_versions).where(*where)).mappings().first()
    if row is None:
        raise VersionNotFound(f"The dataset {dataset['name']} has no version{'' if wanted is None else f' {wanted}'} yet.")
    return row


def get_dataset(services: Services, principal: Principal, name: str) -> schemas.Dataset:
    """Return the dataset as its current version has it."""
    with services.database.read() as tx:
        row = load_dataset(tx, principal, name)
        current = load_version(tx, row, None) if row["version"] is not None else None
    return _present(row, current)


def list_datasets(services: Services, principal: Principal, *, search: str | None, paging: Paging) -> schemas.DatasetList:
    """Return a page of the datasets that have a name now, newest first."""
    statement = select(datasets).where(datasets.c.workspace == principal.workspace, datasets.c.live_name.is_not(None))
    if search:
        statement = statement.where(datasets.c.name.icontains(search, autoescape=True))
    listing = Listing("datasets", principal.workspace, (search,))
    with services.database.read() as tx:
        rows, cursor = newest(tx, statement, datasets, listing=listing, paging=paging)
        items = tuple(_present(row, load_version(tx, row, None) if row["version"] is not None else None) for row in rows)
    return schemas.DatasetList(items=items, next_cursor=cursor)


def list_versions(services: Services, principal: Principal, name: str, paging: Paging) -> schemas.DatasetVersionList:
    """Return a page of a dataset's versions, newest first."""
    number = dataset_versions.c.version
    with services.database.read() as tx:
        row = load_dataset(tx, principal, name)
        listing = Listing("versions", principal.workspace, (row["id"],))
        statement = select(dataset_versions).where(dataset_versions.c.dataset_id == row["id"], dataset_versions.c.freed_at.is_(None))
        if paging.cursor is not None:
            statement = statement.where(number < listing.position(paging.cursor))
        found = tx.execute(statement.order_by(number.desc()).limit(paging.limit + 1)).mappings().all()
    page = found[: paging.limit]
    cursor = listing.cursor(page[-1]["version"]) if len(found) > paging.limit else None
    return schemas.DatasetVersionList(items=tuple(_version(one, current=row["version"]) for one in page), next_cursor=cursor)


def get_version(services: Services, principal: Principal, name: str, number: int | None) -> RowMapping:
    """Return the record of a dataset's version."""
    with services.database.read() as tx:
        return load_version(tx, load_dataset(tx, principal, name), number)


def get_receipt(services: Services, principal: Principal, name: str, number: int | None) -> schemas.Receipt:
    """Return the receipt of a version."""
    return schemas.Receipt.model_validate(get_version(services, principal, name, number)["receipt"])


def _present(row: RowMapping, current: RowMapping | None) -> schemas.Dataset:
    return schemas.Dataset(
        id=row["id"],
        name=row["name"],
        database=row["database"],
        description=row["description"],
        format=row["format"],
        state=row["state"],
        version=row["version"],
        columns=_columns(current),
        partition_by=current["partition_by"] if current else (),
        rows=current["rows"] if current else None,
        bytes=current["bytes"] if current else None,
        files=current["files"] if current else None,
        location=current["prefix"] if current else None,
        crawler=schemas.DatasetCrawler.model_validate(current["crawl"]) if current and current["crawl"] else None,
        source=_source(current),
        last_job_id=row["last_job_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _version(row: RowMapping, *, current: int | None) -> schemas.DatasetVersion:
    return schemas.DatasetVersion(
        version=row["version"],
        current=row["version"] == current,
        mode=row["mode"],
        restored_from=row["restored_from"],
        columns=_columns(row),
        partition_by=row["partition_by"],
        rows=row["rows"],
        bytes=row["bytes"],
        files=row["files"],
        location=row["prefix"],
        source=_source(row),
        job_id=row["job_id"],
        created_at=row["created_at"],
    )


def _columns(version: RowMapping | None) -> tuple[schemas.DatasetColumn, ...]:
    if version is None:
        return ()
    return tuple(
        schemas.DatasetColumn(name=one["name"], type=one["type"], source_name=one["source_name"], comment=one["comment"] or None)
        for one in version["columns"]
    )


def _source(version: RowMapping | None) -> schemas.DatasetSource | None:
    if version is None or version["upload_id"] is None:
        return None
    stored = version["source"]
    return schemas.DatasetSource(
        upload_id=version["upload_id"], profile_id=version["profile_id"], filename=stored["filename"], sha256=stored["sha256"]
    )
