"""Invariant 2: no accepted job is lost. Whatever dies, freezes or forgets, in whatever phase: every job ends by itself, with one effect."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from tests.chaos.broker import Broker
from tests.chaos.conftest import Source
from tests.chaos.hurts import Fault, Storm, broken, freeze_past_the_lease, kill, since
from tests.chaos.load import Load, rows
from tests.chaos.records import ask
from tests.conftest import Measured
from tests.freezing import at_work, caught, frozen
from tests.stack import Stack, until

KEY_PREFIX = "headwater:"


def faults_of(stack: Stack, broker: Broker) -> dict[str, Fault]:
    """Return every fault by its name."""
    services = ("worker-profile", "worker-publish", "query", "housekeeping", "beat", "api")
    freezing = ("worker-profile", "worker-publish", "query", "housekeeping")
    return {
        **{f"kill-{service}": partial(kill, stack, service) for service in services},
        **{f"freeze-{service}": partial(freeze_past_the_lease, stack, service) for service in freezing},
        "kill-broker": partial(broken, broker),
        "flush": broker.client.flushall,
    }


SHORT = [("converting", "kill-worker-publish"), ("verifying", "kill-query")]
LONG = [
    (phase, fault)
    for phase, faults in {
        "profiling": ["kill-worker-profile", "flush", "kill-api", "kill-beat", "kill-housekeeping", "kill-broker", "freeze-worker-profile"],
        "converting": ["freeze-worker-publish", "kill-api", "kill-beat", "kill-broker", "flush"],
        "verifying": ["kill-worker-publish", "kill-broker", "freeze-query", "flush"],
        "querying": ["kill-broker", "kill-query", "kill-api", "flush", "freeze-query"],
    }.items()
    for fault in faults
]


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("phase", "fault"), SHORT)
def test_every_job_ends_with_one_effect(stack: Stack, broker: Broker, source: Source, phase: str, fault: str) -> None:
    """The short form: one fault in each phase of a publish."""
    go_through(stack, broker, source, phase=phase, fault=fault)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize(("phase", "fault"), LONG)
def test_every_job_ends_with_one_effect_whatever_dies(stack: Stack, broker: Broker, source: Source, phase: str, fault: str) -> None:
    """The long form: every other fault in every phase."""
    go_through(stack, broker, source, phase=phase, fault=fault)


def go_through(stack: Stack, broker: Broker, source: Source, *, phase: str, fault: str) -> None:
    """Take a file from upload to query with one fault in one phase, and hold the outcome to the source."""
    name = f"{phase}_{fault}".replace("-", "_")

    hurt = faults_of(stack, broker)[fault]

    def start(now: str, begin: Callable[[], str]) -> str:
        """Begin a job; if this is the phase, hurt the product in the middle of it."""
        if now != phase:
            return begin()
        with in_phase(stack, phase, begin) as path:
            hurt()
        until(stack.ready, timeout_s=60, what="the api answers again")
        return path

    profiling = start("profiling", lambda: f"/v1/jobs/{stack.upload(source.path)['profile_job_id']}")
    profiled = stack.wait(profiling, timeout_s=120)
    assert profiled["state"] == "succeeded", profiled
    publishing = start("verifying" if phase == "verifying" else "converting", partial(stack.start_publish, profiled["resource"]["id"], name))
    published = stack.wait(publishing, timeout_s=150)
    assert published["state"] == "succeeded", published
    sql = f"SELECT count(*), sum(amount), count(DISTINCT order_id), max(length(note)) FROM {name}"
    querying = start("querying", partial(stack.start_query, sql))
    query = stack.wait(querying, timeout_s=120)
    assert query["state"] == "succeeded", query
    assert stack.http.get(f"{querying}/results").json()["rows"] == [[str(source.rows), str(source.total), str(source.rows), "40"]]
    _one_effect(stack, name, source)


@contextmanager
def in_phase(stack: Stack, phase: str, begin: Callable[[], str]) -> Iterator[str]:
    """Begin a job and hold it in a phase until the block ends: where its own worker is at work, or where it waits for the query service."""
    if phase == "verifying":
        with frozen(stack, "query"):
            path = begin()
            until(lambda: (stack.find(path) or {}).get("phase") == phase, timeout_s=60, what=phase)
            yield path
        return
    service = {"profiling": "worker-profile", "converting": "worker-publish", "querying": "query"}[phase]
    with caught(stack, service, begin, seen=lambda job: at_work(job) and (phase == "querying" or job["phase"] == phase)) as path:
        yield path


def _one_effect(stack: Stack, name: str, source: Source) -> None:
    versions = stack.http.get(f"/v1/datasets/{name}/versions").json()["items"]
    assert [version["version"] for version in versions] == [1]
    dataset = stack.http.get(f"/v1/datasets/{name}").json()
    assert (dataset["state"], dataset["version"], dataset["rows"]) == ("ready", 1, source.rows)
    folder = stack.home / "objects" / "ws" / "default" / "tables" / dataset["id"]
    current = [path for path in folder.glob(f"v1-a*/{name}/*") if path.is_file()]
    location_files = stack.http.get(f"/v1/datasets/{name}").json()["files"]
    assert len({path.parent for path in current}) >= 1
    assert location_files <= len(current)
    receipt = stack.http.get(f"/v1/datasets/{name}/receipt").json()
    assert receipt["balanced"] is True
    assert receipt["published_rows"] == receipt["catalog_rows"] == source.rows


@pytest.mark.timeout(300)
def test_every_accepted_job_ends(stack: Stack, broker: Broker, dice: random.Random, measured: Measured) -> None:
    """The short form of the storm: jobs of every kind while processes and the broker are killed and frozen at random."""
    weather(stack, broker, dice, measured, jobs=24, faults=6, ends_within_s=150)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_one_of_two_hundred_jobs_ends(stack: Stack, broker: Broker, dice: random.Random, measured: Measured) -> None:
    """The long form: 200 jobs."""
    weather(stack, broker, dice, measured, jobs=200, faults=40, ends_within_s=400)


def weather(stack: Stack, broker: Broker, dice: random.Random, measured: Measured, *, jobs: int, faults: int, ends_within_s: float) -> None:
    """Submit while faults come every one to three seconds; every 202 ends, none of them badly but by the deaths of its worker."""
    name = f"storm_{jobs}"
    upload = stack.upload_bytes(rows(500))
    assert stack.profile(upload["id"])["state"] == "succeeded"
    assert stack.publish(upload["id"], name)["state"] == "succeeded"
    load = Load(stack)
    started = time.monotonic()
    with Storm(faults_of(stack, broker), dice, pause_s=(1, 3)) as storm:
        while len(load.jobs) < jobs:
            made = load.upload(rows(2000, first=len(load.jobs)))
            load.query(f"SELECT count(*), max(v) FROM {name} WHERE k >= {len(load.jobs)}")
            if len(load.jobs) % 12 == 2 and stack.profile(made, timeout_s=120)["state"] == "succeeded":
                load.publish(made, f"{name}_{len(load.jobs)}")
        storm.rage(faults=faults, timeout_s=ends_within_s)
    calm = time.monotonic()
    ended = load.end(timeout_s=ends_within_s)
    well = sum(job["state"] == "succeeded" for job in ended)
    others = [job for job in ended if job["state"] != "succeeded" and (job.get("error") or {}).get("code") != "worker_lost"]
    assert others == []
    assert well >= 0.9 * len(ended)
    measured(
        accepted=len(ended), succeeded=well, worker_lost=len(ended) - well - len(others), lost=0, faults=storm.counts.total(),
        seconds_of_storm=round(calm - started, 1), last_ended_s_after_it=since(calm),
    )  # fmt: skip


@pytest.mark.timeout(180)
@pytest.mark.parametrize("service", ["worker-profile", "query"])
def test_a_message_that_a_frozen_worker_swallowed_is_sent_again(stack: Stack, broker: Broker, measured: Measured, service: str) -> None:
    """A worker freezes while it waits for a message, takes it from the broker, and is killed: the job is done all the same."""
    swallow(stack, broker, measured, service, times=1)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("service", ["worker-profile", "query"])
def test_each_message_that_a_frozen_worker_swallowed_is_sent_again(stack: Stack, broker: Broker, measured: Measured, service: str) -> None:
    """The long form: six times."""
    swallow(stack, broker, measured, service, times=6)


def swallow(stack: Stack, broker: Broker, measured: Measured, service: str, *, times: int) -> None:
    """Freeze an idle worker, let the message leave the list in the broker for it, and kill it."""
    longest = 0.0
    swallowed = trials = 0
    while swallowed < times and trials < 6 * times:
        trials += 1
        until(stack.ready, timeout_s=60, what="the product is whole")
        settle(stack)
        load = Load(stack)
        with frozen(stack, service) as pids:
            load.upload(rows(20, first=trials)) if service == "worker-profile" else load.query(f"SELECT {trials} AS n")
            queue = KEY_PREFIX + ("profile" if service == "worker-profile" else "query")
            sent_at = time.monotonic()
            until(partial(sent, stack, load), timeout_s=10, what="the message is sent")
            swallowed += broker.client.llen(queue) == 0
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
        assert load.end(timeout_s=90)[0]["state"] == "succeeded"
        longest = max(longest, since(sent_at))
    assert swallowed == times, f"{swallowed} of {trials} messages left the broker for a frozen worker"
    measured(service=service, trials=trials, swallowed=swallowed, lost=0, longest_s=longest)


def sent(stack: Stack, load: Load) -> bool:
    """Whether the message of the load's only job is published."""
    return bool(ask(stack, "SELECT 1 FROM outbox WHERE job_id = ? AND published_at IS NOT NULL", load.jobs[0].rsplit("/", 1)[1]))


def settle(stack: Stack) -> None:
    """Run one query and one profile, so that every worker is alive and waits for a message."""
    assert stack.query("SELECT 1 AS one")["state"] == "succeeded"
    assert stack.profile(stack.upload_bytes(rows(3))["id"])["state"] == "succeeded"
