"""Tiny services for the supervisor's tests; run as a program, this is a supervisor over two of them, to be killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from headwater.journal import Journal
from headwater.service import Health, Patience, Service
from headwater.supervisor import Supervisor

QUICK = Patience(start_timeout_s=15, stop_timeout_s=5, first_pause_s=0.05, longest_pause_s=0.4, look_every_s=0.02)


def service(folder: Path, name: str, *options: str, healthy: Health | None = None) -> Service:
    """Return a tiny service that answers once it is ready (or says so by `healthy`)."""
    command = (sys.executable, str(Path(__file__).with_name("tiny_child.py")), str(folder), name, *options)
    return Service(name, command, healthy=healthy or exists(folder / f"{name}.up"))


def exists(path: Path) -> Health:
    """Return a check that a file is there."""

    async def check() -> bool:
        return path.exists()

    return check


async def supervise(folder: Path) -> None:
    """Run a supervisor until it is killed."""
    plan = [[service(folder, "first")], [service(folder, "second", "--family")]]
    await Supervisor(plan, run_folder=folder, journal=Journal(folder / "logs"), patience=QUICK).run((folder / "ready").touch)


if __name__ == "__main__":
    asyncio.run(supervise(Path(sys.argv[1])))
