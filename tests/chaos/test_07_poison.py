"""Invariant 7: a job that kills its worker each time ends as `worker_lost` after exactly the attempts allowed; others are unaffected."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial

import pytest

from services.shared.settings import Settings
from tests.chaos import records
from tests.chaos.conftest import Source
from tests.chaos.hurts import kill, running_child
from tests.chaos.load import Load, rows
from tests.conftest import Measured
from tests.stack import Stack, until, with_suppress

ATTEMPTS = Settings().max_attempts
ENDLESS = "SELECT count(*) FROM {0} a CROSS JOIN {0} b CROSS JOIN {0} c CROSS JOIN {0} d WHERE a.k + b.k + c.k + d.k = -1"


@pytest.mark.timeout(300)
def test_a_query_that_kills_its_service(stack: Stack, measured: Measured) -> None:
    """The whole query service is ended, as the kernel ends what has no memory left, in each attempt."""
    upload = stack.upload_bytes(rows(1000))
    assert stack.profile(upload["id"])["state"] == "succeeded"
    assert stack.publish(upload["id"], "poisoned")["state"] == "succeeded"
    poison = stack.http.post("/v1/queries", json={"sql": ENDLESS.format("poisoned")}).headers["Location"]
    poisoned(stack, measured, poison, lambda: kill(stack, "query"))


@pytest.mark.timeout(300)
def test_a_profile_that_kills_its_process(stack: Stack, source: Source, measured: Measured) -> None:
    """The pool's process is ended in each attempt, before it comes any further; its worker lives on and does other jobs."""
    poison = f"/v1/jobs/{stack.upload(source.path)['profile_job_id']}"

    def end_child() -> None:
        child = running_child(stack, "worker-profile")
        if child is not None:
            with_suppress(os.kill, child, signal.SIGKILL)

    poisoned(stack, measured, poison, end_child)


def poisoned(stack: Stack, measured: Measured, poison: str, end: Callable[[], None]) -> None:
    """Kill at each attempt; meanwhile another job of each kind is done."""
    load = Load(stack)
    kills = 0
    while (now := records.job(stack, poison))["state"] in ("queued", "running"):
        if now["state"] == "running" and now["attempt"] > kills:
            kills = now["attempt"]
            end()
            load.upload(rows(10, first=kills))
            load.query(f"SELECT {kills} AS n")
        until(partial(changed, stack, poison, kills), timeout_s=90, what="the next attempt, or the end")
    problem = stack.wait(poison)["error"]
    others = load.end(timeout_s=120)
    assert problem["code"] == "worker_lost"
    assert f"died {ATTEMPTS} times without getting further" in problem["detail"]
    assert kills >= ATTEMPTS
    assert {job["state"] for job in others} == {"succeeded"}
    measured(attempts=kills, kills_without_progress=ATTEMPTS, ended=problem["code"], others=len(others), others_failed=0)


def changed(stack: Stack, path: str, attempt: int) -> bool:
    """Whether a job has begun another attempt, or has ended."""
    now = records.job(stack, path)
    return (now["state"] == "running" and now["attempt"] > attempt) or now["state"] not in ("queued", "running")
