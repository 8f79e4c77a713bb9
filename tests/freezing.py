"""Services that stand still: at any moment, or in the middle of a job, so that what a test then asks for finds the job at work."""

from __future__ import annotations

import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import psutil

from tests.stack import Stack, signal_all, until

Pids = Callable[[], Sequence[int]]
Job = dict[str, Any]
_STEP_S = 0.02
_ENDED = ("succeeded", "failed", "cancelled")


def at_work(job: Job) -> bool:
    """Whether a job runs."""
    return bool(job["state"] == "running")


@contextmanager
def frozen(stack: Stack, service: str | Pids) -> Iterator[Sequence[int]]:
    """Let a service, or processes of another name, stand still until the block ends; shorter than a lease."""
    pids = _freeze(stack, _pids(stack, service))
    try:
        yield pids
    finally:
        thaw(pids)


@contextmanager
def caught(stack: Stack, service: str | Pids, start: Callable[[], str], *, seen: Callable[[Job], bool] = at_work) -> Iterator[str]:
    """Start a job and stop its service in the middle of it, where `seen` says, until the block ends; yield the job's address.

    The service goes on in small steps and stands still whenever the job is looked at: however busy the machine is, the job can't
    have ended in between. The block has to be shorter than a lease.
    """
    find = _pids(stack, service)
    pids = _freeze(stack, find)

    def step() -> bool:
        nonlocal pids
        job = until(lambda: stack.find(path), timeout_s=60, what=f"{path} is there")
        if seen(job):
            return True
        assert job["state"] not in _ENDED, f"{job} ended before it was caught"
        thaw(pids)
        threading.Event().wait(_STEP_S)
        pids = _freeze(stack, find)
        return False

    try:
        path = start()
        until(step, timeout_s=60, what=f"{path} is where it is to be caught")
        yield path
    finally:
        thaw(pids)


def thaw(pids: Sequence[int]) -> None:
    """Let processes go on."""
    signal_all(pids, signal.SIGCONT)


def _pids(stack: Stack, service: str | Pids) -> Pids:
    return partial(stack.pids, service) if isinstance(service, str) else service


def _freeze(stack: Stack, find: Pids) -> Sequence[int]:
    """Stop the processes where none of them holds the records, or nobody else could write them."""

    def stop() -> Sequence[int] | None:
        pids = find()
        signal_all(pids, signal.SIGSTOP)
        until(lambda: all(map(_stands, pids)), timeout_s=30, what="they stand still")
        if pids and _records_are_free(stack):
            return pids
        thaw(pids)
        return None

    return until(stop, timeout_s=60, what="a service to freeze")


def _stands(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True


def _records_are_free(stack: Stack) -> bool:
    with closing(sqlite3.connect(stack.home / "records.sqlite3", timeout=0.2, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True
