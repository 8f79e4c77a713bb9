"""The instance: a home is run by one supervisor at a time, and the kernel forgets the lock when that one dies."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headwater.errors import CannotStart


@contextmanager
def only_instance(home: Path) -> Iterator[None]:
    """Hold the home's lock; raise CannotStart with the other's process id if it is held already."""
    folder = run_folder(home)
    descriptor = os.open(folder / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = lock.read().strip() or "unknown"
            raise CannotStart(
                f"Headwater already runs on {home} (process {holder}); stop that one, or set HEADWATER_HOME and the ports to run another"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        withdraw(home)
        try:
            yield
        finally:
            withdraw(home)


def announce(home: Path, facts: Mapping[str, object]) -> None:
    """Write `run/up.json`: everything answers, under the process id in it (a killed one can't take it back); no secret belongs there."""
    target = run_folder(home) / "up.json"
    draft = target.with_suffix(".tmp")
    draft.write_text(json.dumps(facts, indent=2) + "\n")
    draft.replace(target)


def withdraw(home: Path) -> None:
    """Remove what `announce` wrote."""
    (run_folder(home) / "up.json").unlink(missing_ok=True)


def find_holder(home: Path) -> int | None:
    """Return the process id of the supervisor that runs the home, or None; nothing is made and nothing is kept locked."""
    try:
        with (run_folder_of(home) / "up.lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read().strip() or 0)
    except (OSError, ValueError):
        return None
    return None


def find_facts(home: Path) -> dict[str, Any] | None:
    """Return what the running supervisor announced, or None while not everything answers."""
    try:
        facts: dict[str, Any] = json.loads((run_folder_of(home) / "up.json").read_text())
    except (OSError, ValueError):
        return None
    return facts if facts.get("pid") == find_holder(home) else None


def run_folder_of(home: Path) -> Path:
    """Return where the folder of what is true only now is, made or not."""
    return home / "run"


def run_folder(home: Path) -> Path:
    """Return the folder of what is true only now, made for its owner alone."""
    folder = run_folder_of(home)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
