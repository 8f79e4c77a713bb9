"""How far a conversion is: the checkpoint that any later attempt goes on from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from services.worker.csv.blocks import Counts
from services.worker.csv.state import ReadState
from services.worker.publish.statistics import Statistics

_BEGINNING = ReadState()


@dataclass(frozen=True)
class DataFile:
    """A finished file in the work area; a table's file comes into this `folder` of the table, the one of its partition."""

    key: str
    rows: int
    bytes: int
    folder: str = ""


@dataclass(frozen=True)
class Converted:
    """Where reading goes on, the finished files, and what is in them; `unfit` counts records that were read but not published.

    A partitioned table's rows are `spilled` first, and distributed to files later, as far as the folder `distributed` if that has begun.
    `statistics` and `column_bytes` (compressed) have one entry a column of the table; `rejects` are the keys of finished pieces.
    """

    reading: ReadState = _BEGINNING
    files: tuple[DataFile, ...] = ()
    statistics: tuple[Statistics, ...] = ()
    column_bytes: tuple[int, ...] = ()
    rejects: tuple[str, ...] = ()
    unfit: int = 0
    done: bool = False
    spilled: tuple[DataFile, ...] = ()
    distributed: str | None = None

    @staticmethod
    def nothing(columns: int) -> Converted:
        """Return the beginning of a conversion."""
        return Converted(statistics=(Statistics(),) * columns, column_bytes=(0,) * columns)

    @property
    def rows(self) -> int:
        """How many rows the files have."""
        return sum(file.rows for file in self.files)

    @property
    def counts(self) -> Counts:
        """The records read so far, those that are not published among the rejected."""
        read = self.reading.counts
        return replace(read, records=read.records - self.unfit, rejected_records=read.rejected_records + self.unfit)

    def to_json(self) -> dict[str, Any]:
        """Return the checkpoint."""
        return {**asdict(self), "reading": self.reading.to_json()}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> Converted:
        """Return what a checkpoint says."""
        return Converted(
            reading=ReadState.from_json(document["reading"]),
            files=tuple(DataFile(**file) for file in document["files"]),
            statistics=tuple(Statistics(**column) for column in document["statistics"]),
            column_bytes=tuple(document["column_bytes"]),
            rejects=tuple(document["rejects"]),
            unfit=document["unfit"],
            done=document["done"],
            spilled=tuple(DataFile(**file) for file in document.get("spilled", ())),
            distributed=document.get("distributed"),
        )
