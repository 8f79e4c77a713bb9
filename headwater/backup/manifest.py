"""The manifest: what a backup holds, written last and in one step, so that a half backup is never taken for a whole one.

A backup is a folder with `manifest.jsonl` and `blobs/`, where every content lies once, under its SHA-256. The first line of the manifest is
its head, with the digest of the lines that follow, one an object.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headwater.errors import CannotStart
from services.shared.storage.folder import sync_folder

NAME = "manifest.jsonl"
RECORDS = "records.sqlite3"
_FORMAT = 1


class BackupFailed(CannotStart):
    """What keeps a backup from being made, or from being restored, and what to do about it."""


@dataclass(frozen=True)
class Entry:
    """One file of the home: its path below `objects`, or RECORDS."""

    path: str
    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """When it was made, by which version, of which schema; the files by path."""

    created_at: str
    version: str
    schema: str
    entries: dict[str, Entry]


def blob_path(target: Path, sha256: str) -> Path:
    """Return where a content lies."""
    return target / "blobs" / sha256[:2] / sha256


def find_manifest(target: Path) -> Manifest | None:
    """Return the manifest of a whole backup; None if there is none. Raise BackupFailed if it is damaged."""
    try:
        lines = (target / NAME).read_bytes().splitlines()
    except FileNotFoundError:
        return None
    try:
        head: dict[str, Any] = json.loads(lines[0])
        if head["format"] != _FORMAT:
            raise BackupFailed(
                f"The backup {target} has format {head['format']}, this version reads {_FORMAT}; use the version of Headwater that made it"
            )
        if head["sha256"] != _digest(lines[1:]):
            raise BackupFailed(f"The manifest of {target} is damaged; use another backup")
        entries = [Entry(**json.loads(line)) for line in lines[1:]]
        return Manifest(head["created_at"], head["version"], head["schema"], {entry.path: entry for entry in entries})
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise BackupFailed(f"The manifest of {target} can't be read ({type(error).__name__}); use another backup") from error


def load_manifest(source: Path) -> Manifest:
    """Return the manifest of a backup; raise BackupFailed if it is not a whole one."""
    manifest = find_manifest(source)
    if manifest is None:
        raise BackupFailed(f"{source} is not a backup, or one that was never finished: it has no {NAME}")
    return manifest


def write_manifest(target: Path, manifest: Manifest) -> None:
    """Put the manifest in place of the one before."""
    lines = [json.dumps(asdict(manifest.entries[path])).encode() for path in sorted(manifest.entries)]
    head = {"format": _FORMAT, "created_at": manifest.created_at, "version": manifest.version, "schema": manifest.schema, "sha256": _digest(lines)}
    draft = target / f"{NAME}.new"
    with draft.open("wb") as file:
        file.write(b"\n".join([json.dumps(head).encode(), *lines]) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target / NAME)
    sync_folder(target)


def read_blocks(path: Path, *, size: int = 1 << 20) -> Iterator[bytes]:
    """Yield a file's content."""
    with path.open("rb", buffering=0) as file:
        while block := file.read(size):
            yield block


def _digest(lines: list[bytes]) -> str:
    return hashlib.sha256(b"\n".join(lines)).hexdigest()
