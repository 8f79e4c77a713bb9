"""Invariant 7: a job that kills its worker each time ends as `worker_lost` after exactly the attempts allowed; others are unaffected."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import pytest

from services.shared.settings import Settings
from tests.chaos import records
from tests.chaos.conftest import Source
from tests.chaos.hurts import kill, running_child
from tests.chaos.load import ENDED, Load, endless, rows
from tests.conftest import Measured
from tests.freezing import Job, at_work, caught
from tests.stack import Stack, until

ATTEMPTS = Settings().max_attempts
Meet = Callable[..., AbstractContextManager[str]]


@pytest.mark.timeout(300)
def test_a_query_that_kills_its_service(stack: Stack, measured: Measured) -> None:
    """The whole query service is ended, as the kernel ends what has no memory left, in each attempt."""
    upload = stack.upload_bytes(rows(1000))
    assert stack.profile(upload["id"])["state"] == "succeeded"
    assert stack.publish(upload["id"], "poisoned")["state"] == "succeeded"
    poisoned(stack, measured, partial(met, stack), partial(stack.start_query, endless("poisoned")), partial(kill, stack, "query"))


@pytest.mark.timeout(300)
def test_a_profile_that_kills_its_process(stack: Stack, source: Source, measured: Measured) -> None:
    """The pool's process is ended in each attempt, before it comes any further; its worker lives on and does other jobs."""

    def start() -> str:
        return f"/v1/jobs/{stack.upload(source.path)['profile_job_id']}"

    def end_child() -> None:
        child = running_child(stack, "worker-profile")
        assert child is not None
        os.kill(child, signal.SIGKILL)

    poisoned(stack, measured, partial(caught, stack, "worker-profile"), start, end_child)


def poisoned(stack: Stack, measured: Measured, meet: Meet, start: Callable[[], str], end: Callable[[], None]) -> None:
    """Kill at each attempt, as soon as it has begun; meanwhile another job of each kind is done."""
    load = Load(stack)
    kills = attempt = 0
    while True:
        with meet(start, seen=partial(began, after=attempt)) as path:
            now = records.job(stack, path)
            if not at_work(now):
                break
            end()
        kills, attempt, start = kills + 1, now["attempt"], partial(str, path)
        load.upload(rows(10, first=kills))
        load.query(f"SELECT {kills} AS n")
    problem = stack.wait(path)["error"]
    others = load.end(timeout_s=120)
    assert problem["code"] == "worker_lost"
    assert f"died {ATTEMPTS} times without getting further" in problem["detail"]
    assert kills >= ATTEMPTS
    assert {job["state"] for job in others} == {"succeeded"}
    measured(attempts=attempt, kills=kills, kills_without_progress=ATTEMPTS, ended=problem["code"], others=len(others), others_failed=0)


@contextmanager
def met(stack: Stack, start: Callable[[], str], *, seen: Callable[[Job], bool]) -> Iterator[str]:
    """Start a job and wait until it is where it is to be met; it goes on."""
    path = start()
    until(lambda: seen(records.job(stack, path)), timeout_s=90, what="the next attempt, or the end")
    yield path


def began(job: Job, *, after: int) -> bool:
    """Whether a job has begun another attempt, or has ended."""
    return (at_work(job) and job["attempt"] > after) or job["state"] in ENDED
