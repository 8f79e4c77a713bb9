"""The columns that a publish makes: each from a column of the file, or NULL throughout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa

from services.shared.errors import ContractInvalid
from services.shared.partitioning import DERIVED_TYPE, derived_names, parse_keys
from services.shared.publish_contract import ContractColumn, Mode, OnMissing, PublishContract
from services.worker.publish.casts import Reading, arrow_type
from services.worker.publish.partition import Partitions
from services.worker.publish.source import Known, KnownColumn

MOST_DISTINCT = 1 << 16
ROWS_A_VALUE = 8


@dataclass(frozen=True)
class TableColumn:
    """A column of a dataset version, as its record keeps it."""

    name: str
    type: str
    source_name: str
    comment: str

    def to_json(self) -> dict[str, str]:
        """Return the column for a record."""
        return asdict(self)


@dataclass(frozen=True)
class Target:
    """A column of the table to write. `source` is the file's column (None: NULL throughout) and `reading` how its text is read."""

    column: TableColumn
    source: str | None
    reading: Reading
    dictionary: bool
    normalised: int


@dataclass(frozen=True)
class Plan:
    """The targets in the table's order, the file's columns that an append has no place for, and what the table is partitioned by."""

    targets: tuple[Target, ...]
    homeless: tuple[str, ...] = ()
    partitions: Partitions | None = None

    @property
    def columns(self) -> tuple[TableColumn, ...]:
        """The table's columns: the targets', then those that only partitions have."""
        keys = self.partitions.keys if self.partitions else ()
        derived = (TableColumn(key.name, DERIVED_TYPE, str(key), f"The {key.part} of {key.column}") for key in keys if key.part is not None)
        return (*(target.column for target in self.targets), *derived)

    @property
    def schema(self) -> Any:
        """The Arrow schema of all columns."""
        return pa.schema([(column.name, arrow_type(column.type)) for column in self.columns])

    @property
    def stored_places(self) -> tuple[int, ...]:
        """The places, among the targets, of the columns that the table's files have: all but the partition keys."""
        keys = {key.name for key in self.partitions.keys} if self.partitions else set()
        return tuple(place for place, target in enumerate(self.targets) if target.column.name not in keys)

    @property
    def stored(self) -> tuple[Target, ...]:
        """The targets that the table's files have."""
        return tuple(self.targets[place] for place in self.stored_places)


def arrow_schema(targets: Sequence[Target]) -> Any:
    """Return the Arrow schema of these columns."""
    return pa.schema([(target.column.name, arrow_type(target.column.type)) for target in targets])


def plan_targets(contract: PublishContract, known: Known, current: Sequence[TableColumn], *, max_partitions: int = 1000) -> Plan:
    """Return what to write; an append goes by the columns of the `current` version."""
    plan = _plan(contract, known, current)
    keys = parse_keys(contract.partition_by)
    return replace(plan, partitions=Partitions(keys, max_partitions)) if keys else plan


def _plan(contract: PublishContract, known: Known, current: Sequence[TableColumn]) -> Plan:
    for column in contract.columns:
        if column.position >= len(known.columns):
            raise ContractInvalid(f"The file has no column at position {column.position} ({column.source_name!r}); it has {len(known.columns)}.")
    included = [column for column in contract.columns if column.include]
    if contract.mode is Mode.APPEND:
        derived = derived_names(contract.partition_by)
        return _append(contract, included, known, [column for column in current if column.name not in derived])
    if not included:
        raise ContractInvalid("A table needs at least one column.")
    return Plan(tuple(_target(TableColumn(c.name, c.type, c.source_name, c.comment), c, known) for c in included))


def _append(contract: PublishContract, included: Sequence[ContractColumn], known: Known, current: Sequence[TableColumn]) -> Plan:
    offered = {column.name: column for column in included}
    missing = [column.name for column in current if column.name not in offered]
    if missing and contract.on_missing_column is OnMissing.FAIL:
        raise ContractInvalid(f"The file has no column for {', '.join(missing)}; append it with NULL there if that is meant.")
    wanted = {column.name for column in current}
    homeless = tuple(known.columns[column.position].name for column in included if column.name not in wanted)
    return Plan(tuple(_target(column, offered.get(column.name), known) for column in current), homeless)


def _target(column: TableColumn, offered: ContractColumn | None, known: Known) -> Target:
    if offered is None:
        return Target(column, None, Reading(column.type), dictionary=False, normalised=0)
    source = known.columns[offered.position]
    form = offered.format or (source.format if column.type in (source.type, "timestamp") else None)
    as_profiled = source.type == column.type and form == source.format
    proved = as_profiled or (form is None and source.fails.get(column.type) == 0)
    reading = Reading(column.type, form, known.null_tokens(column.type), proved)
    return Target(column, source.name, reading, _pays(source, known), source.normalised if as_profiled else 0)


def _pays(source: KnownColumn, known: Known) -> bool:
    return source.distinct <= MOST_DISTINCT and source.distinct * ROWS_A_VALUE <= max(known.records, ROWS_A_VALUE)
