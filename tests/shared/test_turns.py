"""Turns: slots are shared fairly among workspaces, in order within one, and people and publishes do not wait for each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from services.shared.jobs.model import Kind, NewJob
from services.shared.jobs.store import JobStore
from services.shared.jobs.turns import Lane, give_turns
from services.shared.principal import Principal
from services.shared.records.database import Database
from services.shared.records.migrate import migrate
from services.shared.records.tables import jobs, outbox
from services.shared.settings import Settings


class Queue:
    """The records of a queue, at a time of its own: one step is as long as every query runs."""

    def __init__(self, home: Path, **settings: object) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.settings = Settings(home=home, **settings)  # type: ignore[arg-type]
        self.database = Database(self.settings.database_location())
        migrate(self.database)
        self.jobs = JobStore(self.database, self.settings, clock=lambda: self.now)
        self.waited: dict[str, list[float]] = {}
        self.order: list[str] = []

    def submit(self, workspace: str, count: int = 1, *, lane: Lane = Lane.INTERACTIVE) -> list[str]:
        ids = []
        for _ in range(count):
            self.now += timedelta(milliseconds=1)
            with self.database.write() as tx:
                new = NewJob(Kind.QUERY, "query", "q", {}, lane=lane)
                ids.append(self.jobs.submit(tx, new, principal=Principal(workspace, "someone")).id)
        return ids

    def called(self) -> list[str]:
        """Give turns and return the jobs that were called and have not begun."""
        with self.database.write() as tx:
            give_turns(tx, self.settings, now=self.now)
        with self.database.read() as tx:
            return list(tx.execute(select(outbox.c.job_id).where(outbox.c.due_at.is_not(None)).order_by(outbox.c.job_id)).scalars())

    def step(self) -> int:
        """Begin all that was called, let it run for a second, and end it; return how many."""
        claimed = [job for job_id in self.called() if (job := self.jobs.claim(job_id)) is not None]
        for job in claimed:
            self.order.append(job.id)
            self.waited.setdefault(job.workspace, []).append((self.now - job.queued_at).total_seconds())
        assert self.called() == []
        self.now += timedelta(seconds=1)
        for job in claimed:
            with self.database.write() as tx:
                self.jobs.succeed(tx, job, result={}, progress=None)
        return len(claimed)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    queue = Queue(tmp_path, query_slots=2)
    yield queue
    queue.database.close()


def test_no_workspace_starves_another(queue: Queue) -> None:
    """One asks 60 questions, then another 20: the other's wait is a third of what a common line would cost; each is served in its order."""
    first, second = queue.submit("big", 60), queue.submit("small", 20)
    while queue.step():
        pass
    assert [one for one in queue.order if one in first] == first
    assert [one for one in queue.order if one in second] == second
    small, big = queue.waited["small"], queue.waited["big"]
    assert max(small) <= 20
    ratio = (sum(big[:20]) / 20) / (sum(small) / 20)
    print(f"\nmean wait of each one's first 20: {sum(big[:20]) / 20:.1f} s and {sum(small) / 20:.1f} s")
    assert 1 / 3 < ratio < 3


def test_one_slot_alternates(tmp_path: Path) -> None:
    """With a single slot two workspaces take turns, whoever has more waiting."""
    queue = Queue(tmp_path, query_slots=1)
    first, second = queue.submit("a", 6), queue.submit("b", 3)
    while queue.step():
        pass
    assert queue.order == [first[0], second[0], first[1], second[1], first[2], second[2], first[3], first[4], first[5]]
    queue.database.close()


def test_lanes_do_not_block_each_other(queue: Queue) -> None:
    """A hundred receipts leave people's slots free, and a hundred questions leave a receipt its own."""
    receipts = queue.submit("a", 100, lane=Lane.BACKGROUND)
    assert queue.called() == [receipts[0]]
    asked = queue.submit("a", 100)
    assert set(queue.called()) == {receipts[0], asked[0], asked[1]}


def test_a_workspace_s_share(tmp_path: Path) -> None:
    """With a share of its own no workspace takes all the slots, so that another one finds some at once."""
    queue = Queue(tmp_path, query_slots=4, query_slots_per_workspace=3)
    assert len(queue.submit("a", 10)) == 10
    assert len(queue.called()) == 3
    late = queue.submit("b")
    assert late[0] in queue.called()
    queue.database.close()


def test_a_turn_comes_back(queue: Queue) -> None:
    """A called query that is cancelled, lost or stumbles frees its slot; it is called again when its delay is over."""
    ids = queue.submit("a", 4)
    assert queue.called() == ids[:2]
    with queue.database.write() as tx:
        queue.jobs.cancel(tx, ids[0])
    assert queue.called() == ids[1:3]
    job = queue.jobs.claim(ids[1])
    assert job is not None
    with queue.database.write() as tx:
        queue.jobs.hand_over(tx, job, phase="retrying", progress=None, delay_s=30)
    assert queue.called() == ids[2:4]
    lost = queue.jobs.claim(ids[2])
    assert lost is not None
    queue.now += timedelta(seconds=31)
    assert [one.id for one in queue.jobs.take_over_lost()] == [ids[2]]
    assert queue.called() == [ids[1], ids[3]]
    with queue.database.write() as tx:
        tx.execute(update(jobs).where(jobs.c.id == ids[3]).values(state="cancelled"))
    assert queue.called() == [ids[1], ids[2], ids[3]]
