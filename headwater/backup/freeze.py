"""A moment of the home, held still: the records as they are at one commit, and links to every object that is there then.

An object is written before the record that names it, and deleted after the record that gives it up. So while nothing can be written to the
records, every object that they name is there, and stays. That is all the time a link to each takes; the bytes are copied afterwards, while
everything goes on. A link keeps a file's bytes even when its name is deleted meanwhile. Most links are made before, without stopping anyone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from headwater.backup.manifest import RECORDS, BackupFailed
from headwater.instance import run_folder
from services.shared.records.database import Database
from services.shared.settings import Settings

_STAGING = ".backup"
_PARTIAL = ".partial"


@dataclass(frozen=True)
class Frozen:
    """Folders that nobody changes: links to the objects, and beside them the records."""

    objects: Path
    records: Path


@contextmanager
def freeze(settings: Settings) -> Iterator[Frozen]:
    """Hold a moment still for as long as the block runs; one backup of a home at a time."""
    home, objects = settings.home.resolve(), settings.objects_folder()
    staging = objects / _STAGING
    with (run_folder(home) / "backup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupFailed(f"Another backup of {home} runs; wait for its end") from None
        shutil.rmtree(staging, ignore_errors=True)
        frozen = Frozen(staging / "objects", staging / RECORDS)
        frozen.objects.mkdir(parents=True, mode=0o700)
        try:
            _link(objects, frozen.objects)
            _hold(settings, objects, frozen)
            yield frozen
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _hold(settings: Settings, objects: Path, frozen: Frozen) -> None:
    database = Database(settings.database_location())
    source = settings.home.resolve() / RECORDS
    try:
        with closing(sqlite3.connect(source, isolation_level=None)) as reader:
            with database.write():
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM alembic_version").fetchone()
                _link(objects, frozen.objects)
            with closing(sqlite3.connect(frozen.records)) as copy:
                reader.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")
                said = copy.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        raise BackupFailed(f"The records of {settings.home} can't be copied: {error}; `make doctor` says more") from error
    finally:
        database.close()
    if said != "ok":
        raise BackupFailed(f"The records of {settings.home} are damaged ({said}); the backup before this one is kept")


def _link(folder: Path, links: Path) -> None:
    """Link every file that is not linked yet, or is another one by now."""
    links.mkdir(exist_ok=True)
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        link = links / entry.name
        if entry.is_dir(follow_symlinks=False):
            if entry.name != _STAGING:
                _link(Path(entry.path), link)
        elif not entry.name.endswith(_PARTIAL):
            _link_file(entry, link)


def _link_file(entry: os.DirEntry[str], link: Path) -> None:
    try:
        if link.exists():
            if link.stat().st_ino == entry.inode():
                return
            link.unlink()
        os.link(entry.path, link)
    except FileNotFoundError:
        return
