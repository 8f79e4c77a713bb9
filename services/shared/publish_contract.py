"""The contract of a publish: what the api accepted, and the worker makes of it; the `params` of a publish job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from services.shared.catalog.serde import SerdeName


class Mode(StrEnum):
    """What a publish does to its dataset."""

    CREATE = "create"
    APPEND = "append"
    REPLACE = "replace"
    RESTORE = "restore"


class OnReject(StrEnum):
    """What happens to a record that can't be published."""

    QUARANTINE = "quarantine"
    FAIL = "fail"


class OnMissing(StrEnum):
    """What an append does about a column that the file has not."""

    FAIL = "fail"
    NULL = "null"


@dataclass(frozen=True)
class ContractColumn:
    """A column of the file (`position` from 0) and what it becomes; `format` says how its text is read where ISO is not meant."""

    source_name: str
    position: int
    name: str
    type: str
    comment: str = ""
    format: str | None = None
    include: bool = True


@dataclass(frozen=True)
class PublishContract:
    """All that a publish depends on beside the bytes themselves.

    `version` is the version to make and `expected_version` the one it replaces (None: the dataset has none). `columns` has every
    column of the file; in an append they are matched by `name` with those of the version before. A restore has `restore`, the
    version whose files become current again, and neither upload nor columns; `partition_by` is what the version is partitioned by, in every
    mode. CSV is written for a `serde`, Parquet for none. `description` is the dataset's new one (None: it keeps its own).
    """

    dataset_id: str
    name: str
    database: str
    mode: Mode
    version: int
    expected_version: int | None
    upload_id: str | None = None
    profile_id: str | None = None
    format: str = "parquet"
    partition_by: tuple[str, ...] = ()
    serde: SerdeName | None = None
    columns: tuple[ContractColumn, ...] = ()
    on_reject: OnReject = OnReject.QUARANTINE
    on_missing_column: OnMissing = OnMissing.FAIL
    max_reject_ratio: float = 0.05
    restore: int | None = None
    description: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the contract as a job's `params`."""
        return asdict(self)

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> PublishContract:
        """Return the contract of a job's `params`."""
        return PublishContract(
            **{
                **document,
                "mode": Mode(document["mode"]),
                "serde": SerdeName(document["serde"]) if document.get("serde") else None,
                "on_reject": OnReject(document["on_reject"]),
                "on_missing_column": OnMissing(document["on_missing_column"]),
                "partition_by": tuple(document.get("partition_by", ())),
                "columns": tuple(ContractColumn(**column) for column in document["columns"]),
            }
        )
