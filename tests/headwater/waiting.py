"""Waiting for what a test expects of other processes, with an end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import psutil


async def until(holds: Callable[[], bool], *, what: str, timeout_s: float = 15) -> None:
    """Return when the condition holds; fail with `what` when the time is over."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    """Return whether a process runs; one that only waits to be reaped does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def numbers(path: Path) -> list[int]:
    """Return the numbers in a file, one a line; none if it is not there."""
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def lines(path: Path) -> list[str]:
    """Return the lines of a file; none if it is not there."""
    return path.read_text().splitlines() if path.exists() else []
