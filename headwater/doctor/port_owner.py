"""Who listens on a port, as far as Linux lets us see."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_LISTENING = "0A"


def find_owner(port: int) -> str:
    """Return the process that listens on a TCP port, in words."""
    sockets = _sockets(port)
    for process in Path("/proc").glob("[0-9]*"):
        if sockets & _held(process):
            return f"process {process.name} ({_command(process)})"
    return "another process"


def _sockets(port: int) -> set[str]:
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        try:
            rows = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            cells = row.split()
            if cells[3] == _LISTENING and int(cells[1].rsplit(":", 1)[1], 16) == port:
                found.add(f"socket:[{cells[9]}]")
    return found


def _held(process: Path) -> set[str]:
    held: set[str] = set()
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                held.add(os.readlink(descriptor))
    return held


def _command(process: Path) -> str:
    """Return the program's name alone: its arguments may hold secrets."""
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "which has just ended"
