"""Assembling: the finished files, and for an append those of the version before, under a fresh prefix with nothing else below it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from services.shared.errors import ReceiptUnbalanced
from services.shared.keys import publish_prefix, table_prefix, version_folder
from services.shared.publish_contract import PublishContract
from services.shared.storage.port import Storage
from services.worker.publish.converted import Converted
from services.worker.publish.versions import Version
from services.worker.rejects import join_rejects


@dataclass(frozen=True)
class Staged:
    """A complete version that no user sees yet; `folder` names the attempt that made it."""

    folder: str
    prefix: str
    rejects_prefix: str
    files: int
    bytes: int
    partitions: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return the checkpoint."""
        return asdict(self)

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> Staged:
        """Return what a checkpoint says."""
        return Staged(**document)


@dataclass(frozen=True)
class _Copy:
    """An object to copy, and the folder of the table that it comes into: empty, or with its slash."""

    key: str
    folder: str


@dataclass(frozen=True)
class Attempt:
    """Whose prefixes are used."""

    workspace: str
    job_id: str
    number: int


def assemble(
    storage: Storage, attempt: Attempt, contract: PublishContract, converted: Converted, *, before: Version | None, check: Callable[[], None]
) -> Staged:
    """Copy every file into the attempt's own folder, and join the rejects; no other attempt ever writes there."""
    folder = version_folder(contract.version, attempt.job_id, attempt.number)
    prefix = table_prefix(attempt.workspace, contract.dataset_id, folder, contract.name)
    storage.delete_prefix(prefix)
    copies = _copies(storage, converted, before)
    targets = [f"{prefix}{copy.folder}part-{number:05d}{PurePosixPath(copy.key).suffix}" for number, copy in enumerate(copies)]
    for copy, target in zip(copies, targets, strict=True):
        check()
        storage.copy(copy.key, target)
    if contract.partition_by and {info.key for info in storage.list(prefix)} != set(targets):
        raise ReceiptUnbalanced(f"The folders of {contract.name} can't be told apart where they are stored: are capitals small letters there?")
    rejects = publish_prefix(attempt.workspace, attempt.job_id, attempt.number)
    join_rejects(storage, converted.rejects, rejects)
    size = sum(file.bytes for file in converted.files) + (before.bytes if before else 0)
    return Staged(folder, prefix, rejects, len(copies), size, len({copy.folder for copy in copies}))


def _copies(storage: Storage, converted: Converted, before: Version | None) -> Sequence[_Copy]:
    """Return all table files; one without rows is only wanted where there is no other."""
    old = [_Copy(info.key, _folder(info.key.removeprefix(before.prefix))) for info in storage.list(before.prefix)] if before else []
    new = [_Copy(file.key, file.folder) for file in converted.files if file.rows or not old]
    return [*old, *new]


def _folder(name: str) -> str:
    folder, slash, _ = name.rpartition("/")
    return folder + slash
