"""Invariant 9: cancel means stop: within two seconds nothing more is written, the catalog is as it was, and the job is cancelled."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from services.shared.clock import utc_now
from services.shared.errors import JobFinished, LeaseLost
from services.shared.jobs.model import TERMINAL, Job, Kind, NewJob, State
from services.shared.jobs.store import JobStore
from services.shared.principal import LOCAL
from services.shared.records.database import Database
from services.shared.records.migrate import migrate
from services.shared.settings import Settings
from tests.chaos.conftest import Source
from tests.chaos.hurts import pause
from tests.chaos.load import endless, rows
from tests.chaos.records import ask
from tests.conftest import SEED, Measured
from tests.freezing import at_work, caught
from tests.stack import Stack

_PROMISED_S = 2.0
_WATCHED_S = 1.5
_SERVICES = {"profile": "worker-profile", "publish": "worker-publish", "query": "query", "export": "query"}
Start = Callable[[], str]


@pytest.fixture(scope="module")
def table(stack: Stack) -> str:
    """A table of 1,200 rows; joined with itself it keeps a query or an export at work for seconds."""
    upload = stack.upload_bytes(rows(1200))
    assert stack.profile(upload["id"])["state"] == "succeeded"
    assert stack.publish(upload["id"], "crossed")["state"] == "succeeded"
    return str(upload["id"])


@pytest.fixture(scope="module")
def profiled(stack: Stack, source: Source) -> str:
    """The large file, ready to be published."""
    upload = stack.upload(source.path)
    assert stack.profile(upload["id"], timeout_s=120)["state"] == "succeeded"
    return str(upload["id"])


@pytest.mark.timeout(240)
def test_each_kind_of_job_stops(stack: Stack, source: Source, profiled: str, table: str, measured: Measured) -> None:
    """A profile, a publish, a query and an export, each in the middle of its work."""
    stops = {kind: stop(stack, kind, start) for kind, start in starts(stack, source, profiled).items()}
    assert table
    measured(**{f"{kind}_stopped_s": round(seconds, 2) for kind, seconds in stops.items()}, writes_after_2_s=0)
    assert max(stops.values()) < _PROMISED_S


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_each_kind_of_job_stops_wherever_it_is(
    stack: Stack, source: Source, profiled: str, table: str, dice: random.Random, measured: Measured
) -> None:
    """The long form: ten times each, after some steps of the work."""
    assert table
    stops: dict[str, float] = {}
    for _ in range(10):
        for kind, start in starts(stack, source, profiled).items():
            stops[kind] = max(stops.get(kind, 0), stop(stack, kind, start, steps=dice.randrange(8)))
    measured(**{f"{kind}_longest_s": round(seconds, 2) for kind, seconds in stops.items()}, writes_after_2_s=0)
    assert max(stops.values()) < _PROMISED_S


def starts(stack: Stack, source: Source, upload_id: str) -> dict[str, Start]:
    """Return what begins a job of each kind."""

    def profile() -> str:
        return f"/v1/jobs/{stack.upload(source.path)['profile_job_id']}"

    result = stack.query("SELECT a.k, b.k AS k2, b.v FROM crossed a CROSS JOIN crossed b", timeout_s=120)

    def export() -> str:
        return str(stack.http.get(f"/v1/queries/{result['id']}/download?format=parquet").headers["Location"])

    publish, query = partial(stack.start_publish, upload_id, "stopped"), partial(stack.start_query, endless("crossed"))
    return {"profile": profile, "publish": publish, "query": query, "export": export}


def stop(stack: Stack, kind: str, start: Start, *, steps: int = 0) -> float:
    """Start a job, cancel it at work, and return how long it took to end; afterwards nothing is written and the catalog is unchanged."""
    looks = itertools.count()
    catalog = ask(stack, "SELECT * FROM catalog_tables WHERE database != 'headwater_staging' ORDER BY name")
    with caught(stack, _SERVICES[kind], start, seen=lambda job: at_work(job) and next(looks) >= steps) as path:
        assert stack.http.post(f"{path}/cancel").status_code == 202
    goes_on_at = time.monotonic()
    ended = stack.wait(path, timeout_s=20)
    took_s = time.monotonic() - goes_on_at
    assert ended["state"] == "cancelled", ended
    before = files(stack)
    pause(_WATCHED_S)
    after = files(stack)
    assert {path: seen for path, seen in after.items() if before.get(path) != seen} == {}
    assert ask(stack, "SELECT * FROM catalog_tables WHERE database != 'headwater_staging' ORDER BY name") == catalog
    return took_s


def files(stack: Stack) -> dict[str, tuple[int, int]]:
    """Return size and time of every object."""
    found = {}
    for path in (stack.home / "objects").rglob("*"):
        try:
            seen = path.stat()
        except FileNotFoundError:
            continue
        if path.is_file():
            found[str(path)] = (seen.st_size, seen.st_mtime_ns)
    return found


@pytest.mark.timeout(240)
def test_a_drop_is_cancelled_or_done_never_half(stack: Stack, dice: random.Random, measured: Measured) -> None:
    """Cancelled, the dataset is ready and answers; too late, it is gone: whenever the cancel comes."""
    upload = stack.upload_bytes(rows(20))
    assert stack.profile(upload["id"])["state"] == "succeeded"
    ends: Counter[str] = Counter()
    there = False
    for _ in range(12):
        if not there:
            assert stack.publish(upload["id"], "dropped")["state"] == "succeeded"
        path = stack.http.delete("/v1/datasets/dropped").headers["Location"]
        pause(dice.choice([0, dice.uniform(0, 0.1)]))
        answer = stack.http.post(f"{path}/cancel")
        assert answer.status_code in (202, 409), answer.text
        job = stack.wait(path, timeout_s=30)
        ends[job["state"]] += 1
        there = job["state"] == "cancelled"
        if there:
            assert stack.http.get("/v1/datasets/dropped").json()["state"] == "ready"
            assert stack.rows("SELECT count(*) FROM dropped") == [["20"]]
        else:
            assert stack.http.get("/v1/datasets/dropped").status_code == 404
            assert stack.http.post("/v1/queries", json={"sql": "SELECT * FROM dropped"}).status_code == 422
    assert set(ends) <= {"cancelled", "succeeded"}
    measured(cancelled=ends["cancelled"], dropped=ends["succeeded"], half=0)


class Race:
    """A job, two workers, the reconciler and someone who cancels, moved step by step in any order."""

    def __init__(self, database: Database) -> None:
        self.now = utc_now()
        self.store = JobStore(database, Settings(), clock=lambda: self.now)
        new = NewJob(kind=Kind.PROFILE, resource_type="upload", resource_id="upl_1", params={})
        with database.write() as tx:
            self.job_id = self.store.submit(tx, new, principal=LOCAL).id
        self.won: list[State] = []
        self.asked = False

    def worker(self) -> Iterator[None]:
        """Claim, work, and end the job, as it is asked to or well."""
        job = self.store.claim(self.job_id)
        yield
        try:
            while job is not None and job.state is State.RUNNING:
                for _ in range(2):
                    if self.store.watch(job):
                        self._end(partial(self.store.end_cancelled, job=job, progress=None), State.CANCELLED)
                        return
                    yield
                self._end(partial(self.store.succeed, job=job, result={}, progress=None), State.SUCCEEDED)
                return
        except LeaseLost:
            return

    def canceller(self) -> Iterator[None]:
        """Ask for the end."""
        before = self._job().state
        try:
            with self.store.database.write() as tx:
                after = self.store.cancel(tx, self.job_id).state
        except JobFinished:
            assert before in TERMINAL
        else:
            self.asked = True
            if after is State.CANCELLED and before is not State.CANCELLED:
                self.won.append(after)
        yield

    def reconciler(self) -> Iterator[None]:
        """Let the lease run out and take over."""
        self.now += timedelta(seconds=31)
        yield
        before = self._job().state
        self.store.take_over_lost()
        after = self._job().state
        if after in TERMINAL and before not in TERMINAL:
            self.won.append(after)
        yield

    def run(self, dice: random.Random) -> State:
        """Move everyone in random order to their end; then let a last worker finish what is left."""
        actors = [self.worker(), self.canceller(), self.reconciler(), self.worker()]
        while actors:
            actor = dice.choice(actors)
            if next(actor, actor) is actor:
                actors.remove(actor)
        for last in (self.reconciler(), self.worker()):
            for _ in last:
                pass
        return self._job().state

    def _job(self) -> Job:
        return self.store.get(self.job_id)

    def _end(self, end: Callable[..., None], state: State) -> None:
        with self.store.database.write() as tx:
            end(tx)
        self.won.append(state)


def _without_sync(connection: Any, _record: Any) -> None:
    """Wait for no disk: this is about the order of things, not about what survives a power cut."""
    connection.execute("PRAGMA synchronous=OFF")


def test_a_cancel_and_a_success_have_one_winner(tmp_path: Path, measured: Measured) -> None:
    """A cancel, two workers and a takeover in 200 random orders, on a clock of their own: one of them ends the job, once."""
    race(tmp_path, measured, interleavings=200)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_cancel_and_a_success_have_one_winner_in_a_thousand_orders(tmp_path: Path, measured: Measured) -> None:
    """The long form."""
    race(tmp_path, measured, interleavings=1000)


def race(tmp_path: Path, measured: Measured, *, interleavings: int) -> None:
    """Run the races on one database, and hold each to one winner."""
    database = Database(f"sqlite:///{tmp_path}/records.sqlite3")
    event.listen(database.engine(), "connect", _without_sync)
    migrate(database)
    ends: Counter[State] = Counter()
    for number in range(interleavings):
        one = Race(database)
        state = one.run(random.Random(f"{SEED}:{number}"))
        assert one.won == [state], (number, one.won, state)
        assert state is State.SUCCEEDED or one.asked
        ends[state] += 1
    database.close()
    measured(interleavings=interleavings, **{state.value: count for state, count in ends.items()}, two_winners=0)
    assert set(ends) == {State.SUCCEEDED, State.CANCELLED}
