"""The home: can it be written, is there room, and what dead processes left in it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from headwater.cli.text import size
from headwater.doctor.finding import Finding, note, ok, wrong
from headwater.doctor.running import is_up
from headwater.instance import find_holder, run_folder_of
from services.shared.settings import Settings

_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs"})
_TIGHT = 2
_OLD_S = 3600.0
_LOOKED_AT = 200_000


def check_home(settings: Settings) -> Iterator[Finding]:
    """See that the home is there, local, and can be written."""
    home = settings.home.resolve()
    if not home.exists():
        writable = os.access(_nearest(home), os.W_OK)
        if writable:
            yield note("home", f"{home} is not there yet.", "`make up` makes it.")
        else:
            yield wrong("home", f"{home} can't be made: {_nearest(home)} can't be written.", "Set HEADWATER_HOME to a folder of yours.")
        return
    closed = [place for place in (home, home / "objects", home / "run", home / "logs") if place.exists() and not os.access(place, os.W_OK | os.X_OK)]
    if closed or not home.is_dir():
        yield wrong("home", f"{(closed or [home])[0]} can't be written.", "Give its owner the right to write, or run Headwater as its owner.")
        return
    kind = _filesystem(home)
    if kind in _NETWORK:
        yield wrong("home", f"{home} is on a network file system ({kind}).", "Move it to a local disk: SQLite and file locks need one.")
    else:
        yield ok("home", f"{home} can be written.")


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Compare the room on the home's disk with what uploads must leave."""
    usage = shutil.disk_usage(_nearest(settings.home.resolve()))
    said = f"{size(usage.free)} of {size(usage.total)} are free"
    needed = f"uploads are refused below {size(settings.min_free_bytes)} (HEADWATER_MIN_FREE_BYTES)"
    if usage.free <= settings.min_free_bytes:
        yield wrong("disk", f"{said}; {needed}.", "Free room, or delete uploads and results that nobody needs.")
    elif usage.free <= _TIGHT * settings.min_free_bytes:
        yield note("disk", f"{said}; {needed}.", "Free room soon.")
    else:
        yield ok("disk", f"{said}.")


def check_leftovers(settings: Settings) -> Iterator[Finding]:
    """Find what processes that died left behind; the next start and the reconciler take it away."""
    home = settings.home.resolve()
    if not home.is_dir():
        return
    stale = [] if find_holder(home) is not None else sorted(path.stem for path in run_folder_of(home).glob("*.pid"))
    alive = [name for name in stale if is_up(run_folder_of(home) / f"{name}.pid")]
    if alive:
        yield wrong(
            "leftovers",
            f"`make up` is gone, and processes with the ids it wrote down still run: {', '.join(alive)}.",
            "Look at them (`ps`), end them if they are Headwater's, and start again.",
        )
    elif stale:
        yield note("leftovers", f"`make up` was killed: {len(stale)} process files are left in run/.", "The next start replaces them.")
    count, size = _partials(home / "objects")
    if count:
        yield note(
            "leftovers",
            f"{count} half-written files of {size} bytes are left in objects/.",
            "They are named `.…partial`, hold nothing and may be deleted.",
        )
    if (home / "objects" / ".backup").exists():
        yield note("leftovers", "A backup runs, or one was killed and left its links in objects/.backup.", "The next backup takes them away.")
    elif not stale and not count:
        yield ok("leftovers", "Nothing was left behind.")


def _nearest(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _filesystem(path: Path) -> str:
    """Return the kind of the file system that holds a path, as Linux names it; empty elsewhere."""
    best, kind = "", ""
    try:
        mounts = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return ""
    for mount in mounts:
        _, point, name, *_ = mount.split(" ")
        point = point.replace("\\040", " ")
        if path.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, name
    return kind


def _partials(objects: Path) -> tuple[int, int]:
    """Count files that were being written over an hour ago, among the first that are found."""
    count = size = seen = 0
    before = time.time() - _OLD_S
    for folder, _, names in os.walk(objects):
        seen += len(names)
        for name in names:
            if not name.endswith(".partial"):
                continue
            try:
                status = os.stat(os.path.join(folder, name))
            except OSError:
                continue
            if status.st_mtime < before:
                count, size = count + 1, size + status.st_size
        if seen > _LOOKED_AT:
            break
    return count, size
