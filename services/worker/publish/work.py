"""What a publish converts: the source, what is to be made of it and where, and how large its pieces become."""

from __future__ import annotations

from dataclasses import dataclass

from services.shared.publish_contract import OnReject
from services.shared.storage.port import Storage
from services.worker.csv.reader import DEFAULT_LIMITS
from services.worker.csv.reading import Limits
from services.worker.publish.parquet_file import PARQUET
from services.worker.publish.source import Source
from services.worker.publish.table_file import TableFormat
from services.worker.publish.targets import Plan


@dataclass(frozen=True)
class Sizes:
    """How large row groups and files become, and how the file is read."""

    file_bytes: int = 256 << 20
    row_group_rows: int = 512 << 10
    row_group_bytes: int = 32 << 20
    spill_file_bytes: int = 1 << 30
    reading: Limits = DEFAULT_LIMITS


@dataclass(frozen=True)
class Policy:
    """What happens to records that can't be published."""

    on_reject: OnReject = OnReject.QUARANTINE
    max_reject_ratio: float = 1.0


@dataclass(frozen=True)
class Work:
    """What to convert and where to: `prefix` is the attempt's own."""

    source: Source
    plan: Plan
    storage: Storage
    prefix: str
    sizes: Sizes = Sizes()
    policy: Policy = Policy()
    format: TableFormat = PARQUET
