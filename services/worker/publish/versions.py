"""A dataset and the version that a publish replaces, as the records have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from services.shared.errors import DatasetNotFound, VersionConflict, VersionNotFound
from services.shared.jobs.model import Job
from services.shared.publish_contract import PublishContract
from services.shared.records.tables import dataset_versions, datasets
from services.worker.publish.statistics import Statistics
from services.worker.publish.targets import TableColumn


@dataclass(frozen=True)
class Version:
    """One version as it was recorded."""

    version: int
    prefix: str
    columns: tuple[TableColumn, ...]
    partition_by: tuple[str, ...]
    files: int
    rows: int
    bytes: int
    column_bytes: dict[str, int]
    statistics: tuple[Statistics, ...]
    row: RowMapping


def current_version(tx: Connection, job: Job, contract: PublishContract) -> Version | None:
    """Return the version that this publish replaces; raise VersionConflict if it is not the one the contract expects."""
    row = tx.execute(select(datasets).where(datasets.c.id == contract.dataset_id)).mappings().first()
    if row is None:
        raise DatasetNotFound(f"There is no dataset {contract.name}.")
    if row["version"] != contract.expected_version or row["busy_job_id"] != job.id:
        raise VersionConflict(f"The dataset {contract.name} is at version {row['version']}, not at {contract.expected_version}.")
    return None if row["version"] is None else load_version(tx, contract.dataset_id, row["version"])


def load_version(tx: Connection, dataset_id: str, version: int) -> Version:
    """Return a version whose files are there, or raise VersionNotFound."""
    where = (dataset_versions.c.dataset_id == dataset_id, dataset_versions.c.version == version, dataset_versions.c.freed_at.is_(None))
    row = tx.execute(select(dataset_versions).where(*where)).mappings().first()
    if row is None:
        raise VersionNotFound(f"The dataset has no version {version}, or its files were freed.")
    return Version(
        version=version,
        prefix=row["prefix"],
        columns=tuple(_column(column) for column in row["columns"]),
        partition_by=tuple(row["partition_by"]),
        files=row["files"],
        rows=row["rows"],
        bytes=row["bytes"],
        column_bytes=row["column_bytes"],
        statistics=tuple(Statistics(**column) for column in row["statistics"]),
        row=row,
    )


def _column(document: dict[str, Any]) -> TableColumn:
    return TableColumn(document["name"], document["type"], document["source_name"], document["comment"])
