"""Invariant 6: a broker that is away does not take the api with it: reads and submits are answered, and what was accepted is done later."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.chaos import records
from tests.chaos.load import Load, rows
from tests.chaos.proxy import Proxy
from tests.conftest import Measured
from tests.stack import Stack, until

FAULTS: dict[str, Callable[[Proxy], object]] = {
    "refused": lambda line: line.refuse(),
    "black hole": lambda line: line.swallow(),
    "late by 500 ms": lambda line: line.delay(0.5),
    "reset": lambda line: line.reset(for_good=True),
    "half open": lambda line: (line.forget(), line.refuse()),
}
_LONGEST_ANSWER_S = 2.0


@pytest.fixture(scope="module")
def dataset(stack: Stack) -> str:
    """A table to read while the broker is away."""
    upload = stack.upload_bytes(rows(1000))
    assert stack.profile(upload["id"])["state"] == "succeeded"
    assert stack.publish(upload["id"], "away")["state"] == "succeeded"
    return str(upload["id"])


@pytest.fixture(autouse=True)
def healed(line: Proxy) -> Iterator[None]:
    """Whatever a test does to the line is over after it."""
    yield
    line.heal()


class Watch:
    """How long answers take."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self.answers = 0

    def request(self, request: httpx.Request) -> None:
        request.extensions["started"] = time.monotonic()

    def response(self, response: httpx.Response) -> None:
        self.longest_s = max(self.longest_s, time.monotonic() - response.request.extensions["started"])
        self.answers += 1


@pytest.fixture
def watch(stack: Stack) -> Iterator[Watch]:
    watch = Watch()
    stack.http.event_hooks = {"request": [watch.request], "response": [watch.response]}
    yield watch
    stack.http.event_hooks = {}


def read_everything(stack: Stack, dataset: str) -> None:
    """Read what users read; a 200 each."""
    paths = ["healthz", "readyz", "v1/meta", "v1/uploads", "v1/jobs", "v1/queries", "v1/datasets", "v1/datasets/away"]
    for path in (*paths, f"v1/uploads/{dataset}", f"v1/uploads/{dataset}/profile", "v1/datasets/away/receipt"):
        answer = stack.http.get(f"/{path}")
        assert answer.status_code == 200, answer.text


@pytest.mark.timeout(240)
@pytest.mark.parametrize("fault", ["refused", "black hole", "late by 500 ms", "reset"])
def test_the_api_stands_without_its_broker(stack: Stack, line: Proxy, dataset: str, watch: Watch, measured: Measured, fault: str) -> None:
    """Every read is a 200, every submit a 202, every answer comes within 2 s; when the broker is back, all of it is taken up within 15 s."""
    stay_away(stack, line, dataset, watch, measured, fault, rounds=3, ends_within_s=60)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("fault", list(FAULTS))
def test_the_api_stands_long_without_its_broker(stack: Stack, line: Proxy, dataset: str, watch: Watch, measured: Measured, fault: str) -> None:
    """The long form: more work waits, and connections may be half open for ever."""
    stay_away(stack, line, dataset, watch, measured, fault, rounds=10, ends_within_s=150)


def stay_away(stack: Stack, line: Proxy, dataset: str, watch: Watch, measured: Measured, fault: str, *, rounds: int, ends_within_s: float) -> None:
    """Read and submit while the fault holds, then heal the line and hold what was accepted to its end."""
    load = Load(stack)
    FAULTS[fault](line)
    for number in range(rounds):
        read_everything(stack, dataset)
        load.query(f"SELECT count(*) + {number} FROM away")
        load.upload(rows(50, first=number))
        read_everything(stack, dataset)
    answer = stack.http.post("/v1/datasets", json={"upload_id": dataset, "name": "away", "mode": "append"})
    assert answer.status_code == 202, answer.text
    load.jobs.append(answer.headers["Location"])
    line.heal()
    healed_at = time.monotonic()
    until(lambda: taken_up(stack, load), timeout_s=ends_within_s, what="everything is taken up")
    taken_up_s = time.monotonic() - healed_at
    ended = load.end(timeout_s=ends_within_s)
    measured(fault=fault, answers=watch.answers, longest_answer_s=round(watch.longest_s, 2), accepted=len(load.jobs), taken_up_s=round(taken_up_s, 1))
    assert {job["state"] for job in ended} == {"succeeded"}
    assert watch.longest_s < _LONGEST_ANSWER_S
    assert fault == "half open" or taken_up_s < 15


def taken_up(stack: Stack, load: Load) -> bool:
    """Whether a worker has begun every accepted job."""
    begun = {job_id for (job_id,) in records.ask(stack, "SELECT id FROM jobs WHERE attempt > 0")}
    return all(path.rsplit("/", 1)[1] in begun for path in load.jobs)
