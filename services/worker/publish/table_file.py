"""Table files: what a conversion writes rows to, whatever the format of the dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from services.shared.storage.port import Storage
from services.worker.publish.targets import Target


@dataclass(frozen=True)
class WrittenFile:
    """A finished table file: where it lies, its rows and bytes, and the bytes of each column as stored, in the table's order."""

    key: str
    rows: int
    bytes: int
    column_bytes: tuple[int, ...]


@dataclass(frozen=True)
class Uncarried:
    """A cell of a table that a format would not give back as it is: where it stands, and what is with it."""

    row: int
    column: int
    reason: str


class TableFile(Protocol):
    """A file being written; nothing of it exists under its key before `finish`."""

    @property
    def size(self) -> int:
        """How many bytes are written so far."""
        ...

    def write(self, table: Any) -> None:
        """Write rows; the same tables always give the same bytes."""
        ...

    def finish(self) -> WrittenFile:
        """End the file and let the object appear."""
        ...

    def abandon(self) -> None:
        """Leave nothing behind."""
        ...


class TableFormat(Protocol):
    """How the files of a dataset are written."""

    @property
    def suffix(self) -> str:
        """The end of the files' names."""
        ...

    def begin(self, storage: Storage, key: str, targets: Sequence[Target]) -> TableFile:
        """Begin a file of these columns."""
        ...

    def find_uncarried(self, table: Any) -> Uncarried | None:
        """Return the first cell, row by row, that a file of this format would not give back; None: it carries them all."""
        ...
