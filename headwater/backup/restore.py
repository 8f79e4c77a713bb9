"""Restoring a backup into a home of its own: every byte is checked, and the home is there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from headwater.backup.manifest import RECORDS, BackupFailed, Entry, Manifest, blob_path, load_manifest, read_blocks
from headwater.instance import find_holder
from services.shared.records.migrate import known_revisions
from services.shared.storage.folder import sync_folder

_SHARED = "objects/ws/"


def restore(source: Path, home: Path) -> Manifest:
    """Make a home from a backup; raise BackupFailed, and leave nothing, if the home is in use or the backup is not whole."""
    source, home = source.resolve(), home.resolve()
    _require_empty(home)
    manifest = load_manifest(source)
    if manifest.schema not in known_revisions():
        raise BackupFailed(
            f"{source} is of schema {manifest.schema}, made by Headwater {manifest.version}; restore it with that version or a newer one"
        )
    draft = home.with_name(f".{home.name}.restoring")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    try:
        _fill(draft, source, manifest)
        if home.exists():
            home.rmdir()
        draft.rename(home)
        sync_folder(home.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return manifest


def check_backup(source: Path) -> Manifest:
    """Read every byte of a backup; raise BackupFailed at the first that is not what was written."""
    source = source.resolve()
    manifest = load_manifest(source)
    for entry in {entry.sha256: entry for entry in manifest.entries.values()}.values():
        digest = hashlib.sha256()
        for block in _blocks(source, entry):
            digest.update(block)
        _require_same(source, entry, digest.hexdigest())
    return manifest


def _require_empty(home: Path) -> None:
    holder = find_holder(home)
    if holder is not None:
        raise BackupFailed(f"Headwater runs on {home} (process {holder}); restore to another home, or stop it and move that home away")
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise BackupFailed(f"{home} is not empty; restore to another home (HEADWATER_HOME), or move that one away")


def _fill(draft: Path, source: Path, manifest: Manifest) -> None:
    shared: dict[str, Path] = {}
    for entry in manifest.entries.values():
        path = draft / entry.path
        if not path.resolve().is_relative_to(draft.resolve()):
            raise BackupFailed(f"The backup {source} names a file outside of a home: {entry.path}")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Objects are never changed and may share their bytes; uploads grow, each in a file of its own.
        if entry.path.startswith(_SHARED) and entry.sha256 in shared:
            os.link(shared[entry.sha256], path)
            continue
        _write(path, source, entry)
        if entry.path.startswith(_SHARED):
            shared[entry.sha256] = path
    if not (draft / RECORDS).is_file():
        raise BackupFailed(f"The backup {source} has no records")
    (draft / "objects").mkdir(exist_ok=True)
    for folder, _, _ in os.walk(draft):
        sync_folder(Path(folder))


def _write(path: Path, source: Path, entry: Entry) -> None:
    digest = hashlib.sha256()
    with path.open("xb", buffering=0) as file:
        os.fchmod(file.fileno(), 0o600)
        for block in _blocks(source, entry):
            digest.update(block)
            file.write(block)
        os.fsync(file.fileno())
    _require_same(source, entry, digest.hexdigest())
    os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns))


def _blocks(source: Path, entry: Entry) -> Iterator[bytes]:
    try:
        yield from read_blocks(blob_path(source, entry.sha256))
    except FileNotFoundError as error:
        raise BackupFailed(f"{entry.path} is missing in the backup {source}; use another backup") from error


def _require_same(source: Path, entry: Entry, sha256: str) -> None:
    if sha256 != entry.sha256:
        raise BackupFailed(f"{entry.path} is damaged in the backup {source}; use another backup")
