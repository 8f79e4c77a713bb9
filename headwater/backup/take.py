"""Making a backup: a moment is held still, what the backup lacks is copied, the manifest is put in place, what nobody needs is freed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headwater.backup.freeze import Frozen, freeze
from headwater.backup.manifest import (
    RECORDS,
    BackupFailed,
    Entry,
    Manifest,
    blob_path,
    find_manifest,
    read_blocks,
    write_manifest,
)
from services.shared.clock import utc_now
from services.shared.records.database import Database
from services.shared.records.migrate import find_revision
from services.shared.settings import Settings
from services.shared.storage.folder import sync_folder
from services.shared.version import VERSION


@dataclass(frozen=True)
class Summary:
    """What a backup holds, and what of it was new."""

    files: int
    size: int
    copied_files: int
    copied_bytes: int


def back_up(settings: Settings, target: Path) -> Summary:
    """Bring the backup in `target` to this moment; Headwater may run meanwhile. Until the end, `target` is the backup that it was before."""
    home, target = settings.home.resolve(), target.resolve()
    _require_possible(settings, home, target)
    with _alone(target):
        before = find_manifest(target)
        with freeze(settings) as frozen:
            copier = _Copier(target, before)
            entries = {entry.path: entry for entry in copier.copy_all(frozen)}
            schema = _schema(frozen)
        for entry in entries.values():
            if blob_path(target, entry.sha256).stat().st_size != entry.size:
                raise BackupFailed(f"What was written to {target} is not what was read ({entry.path}); look at that disk")
        sync_folder(target / "blobs")
        write_manifest(target, Manifest(utc_now().isoformat(), VERSION, schema, entries))
        _free(target, {entry.sha256 for entry in entries.values()})
    size = sum(entry.size for entry in entries.values())
    return Summary(len(entries), size, copier.copied_files, copier.copied_bytes)


class _Copier:
    """Copies what is new; what was in the backup before, or is another name of a file just copied, is not read again."""

    def __init__(self, target: Path, before: Manifest | None) -> None:
        self._target = target
        self._before = before.entries if before is not None else {}
        self._seen: dict[int, Entry] = {}
        self.copied_files = 0
        self.copied_bytes = 0

    def copy_all(self, frozen: Frozen) -> Iterator[Entry]:
        """Copy the records and every object."""
        yield self._copy(frozen.records, RECORDS)
        for folder, folders, names in os.walk(frozen.objects):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                yield self._keep(path, f"objects/{path.relative_to(frozen.objects).as_posix()}")

    def _keep(self, path: Path, name: str) -> Entry:
        status = path.stat()
        known = self._before.get(name)
        if known is not None and (known.size, known.mtime_ns) == (status.st_size, status.st_mtime_ns) and self._has(known):
            return known
        same = self._seen.get(status.st_ino)
        if same is not None and same.size == status.st_size:
            return Entry(name, same.size, same.mtime_ns, same.sha256)
        entry = self._seen[status.st_ino] = self._copy(path, name)
        return entry

    def _has(self, entry: Entry) -> bool:
        blob = blob_path(self._target, entry.sha256)
        return blob.is_file() and blob.stat().st_size == entry.size

    def _copy(self, path: Path, name: str) -> Entry:
        """Copy one file; one that grows meanwhile (an upload) is as long as it was found to be."""
        mtime_ns, digest, size = path.stat().st_mtime_ns, hashlib.sha256(), 0
        draft = self._target / "blobs" / ".new"
        with draft.open("wb", buffering=0) as file:
            for block in read_blocks(path):
                digest.update(block)
                file.write(block)
                size += len(block)
            os.fsync(file.fileno())
        entry = Entry(name, size, mtime_ns, digest.hexdigest())
        blob = blob_path(self._target, entry.sha256)
        blob.parent.mkdir(exist_ok=True)
        draft.replace(blob)
        sync_folder(blob.parent)
        self.copied_files += 1
        self.copied_bytes += size
        return entry


def _require_possible(settings: Settings, home: Path, target: Path) -> None:
    if settings.database_url is not None:
        raise BackupFailed("The records are in HEADWATER_DATABASE_URL; back that database up with its own tools, then the folder of objects")
    if not (home / RECORDS).exists():
        raise BackupFailed(f"There is nothing to back up: {home} has no records; HEADWATER_HOME names another home")
    if target.is_relative_to(home) or home.is_relative_to(target):
        raise BackupFailed(f"{target} and the home {home} lie in each other; a backup belongs on another disk")
    if target.exists() and any(target.iterdir()) and not (target / "blobs").is_dir():
        raise BackupFailed(f"{target} has other files in it; name a folder that is empty, not there, or a backup")


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    (target / "blobs").mkdir(mode=0o700, parents=True, exist_ok=True)
    with (target / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupFailed(f"Another backup to {target} runs; wait for its end") from None
        yield


def _schema(frozen: Frozen) -> str:
    database = Database(f"sqlite:///{frozen.records}")
    try:
        return find_revision(database) or ""
    finally:
        database.close()


def _free(target: Path, needed: set[str]) -> None:
    """Delete contents that the manifest does not name."""
    for folder in (target / "blobs").iterdir():
        if not folder.is_dir():
            folder.unlink()
            continue
        for blob in folder.iterdir():
            if blob.name not in needed:
                blob.unlink()
        if not any(folder.iterdir()):
            shutil.rmtree(folder)
