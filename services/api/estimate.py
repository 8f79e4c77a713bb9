"""Estimates: the most bytes that a statement can scan, from what was recorded when its tables were published; no file is opened.

A scan reads the compressed chunks of its columns, the files' footers, the small gaps that the reader does not skip, and now and then a
row group twice, when two threads begin it. A table named twice is read twice. Of a table that was made elsewhere nothing is known, so
there is no bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import RowMapping, select, tuple_

from services.api.catalog import dataset_key
from services.api.deps import Services
from services.api.schemas import queries as schemas
from services.api.visible import Checked
from services.shared.principal import Principal
from services.shared.records.tables import dataset_versions, datasets
from services.shared.settings import Settings
from services.shared.sql.guard import StatementKind
from services.shared.sql.reads import Scan

LEAST_BYTES: Final = 10_000_000
BYTES_A_TB: Final = 10**12
_GAP_BYTES = 16 << 10
_WHOLE_GROUP_SHARE = 0.95
_FIXED_BYTES = 17
_CHARACTER_BYTES = 4

Versions = Mapping[tuple[str, int], RowMapping]


def estimate(services: Services, principal: Principal, checked: Checked) -> schemas.Estimate:
    """Return the most that the statement can read and cost."""
    versions = _load_versions(services, principal, checked.scans)
    bounds = [_bound(scan, versions, services.settings) for scan in checked.scans]
    known = [size for size, _ in bounds if size is not None]
    total = None if len(known) < len(bounds) else max(LEAST_BYTES, sum(known)) if known else 0
    columns = {f"{name}.{column}" for name, scan in zip(checked.names, checked.scans, strict=True) for column in scan.columns}
    kind = checked.statement.kind
    return schemas.Estimate(
        statement="select" if kind is StatementKind.QUERY else kind.value,
        tables=tuple(sorted(set(checked.names))),
        columns=tuple(sorted(columns)),
        bytes_bound=total,
        bound_kind="cutoff" if total is None else "whole_table" if any(whole for _, whole in bounds) else "exact_scan",
        cost_bound_usd=None if total is None else total / BYTES_A_TB * services.engine.price_per_tb_usd,
    )


def _load_versions(services: Services, principal: Principal, scans: Sequence[Scan]) -> Versions:
    keys = {key for scan in scans if (key := dataset_key(scan.table)) is not None}
    if not keys:
        return {}
    version = dataset_versions.c
    own = (tuple_(version.dataset_id, version.version).in_(sorted(keys)), datasets.c.workspace == principal.workspace)
    statement = select(dataset_versions).join(datasets, datasets.c.id == version.dataset_id).where(*own)
    with services.database.read() as tx:
        return {(row["dataset_id"], row["version"]): row for row in tx.execute(statement).mappings()}


def _bound(scan: Scan, versions: Versions, settings: Settings) -> tuple[int | None, bool]:
    """Return the most bytes of a scan, and whether that is the whole table."""
    key = dataset_key(scan.table)
    version = versions.get(key) if key is not None else None
    if version is None:
        return None, True
    sizes, whole = version["column_bytes"], int(version["bytes"])
    keys = {column.name for column in scan.table.partition_keys}
    needed = [name for name in scan.columns if name not in keys]
    if scan.table.format != "parquet" or any(name not in sizes for name in needed):
        return whole, True
    footers = max(0, whole - sum(sizes.values()))
    read = sum(sizes[name] for name in needed)
    gaps = _GAP_BYTES * max(0, len(needed) - 1) * _most_groups(version, settings)
    twice = min(read, settings.row_group_bytes)
    return min(whole, round((read + gaps) / _WHOLE_GROUP_SHARE) + footers) + twice, False


def _most_groups(version: RowMapping, settings: Settings) -> int:
    """Return how many row groups the version can have: a group ends when it is full, or with its file."""
    rows: int = version["rows"]
    values = sum(_memory(column["type"], figures, rows) for column, figures in zip(version["columns"], version["statistics"], strict=True))
    return int(version["files"]) + rows // settings.row_group_rows + values // settings.row_group_bytes


def _memory(kind: str, figures: Mapping[str, Any], rows: int) -> int:
    """Return the most memory that a column's values took when they were written."""
    characters = int(figures["total"] or 0) if kind == "string" else 0
    return characters * _CHARACTER_BYTES + rows * _FIXED_BYTES
