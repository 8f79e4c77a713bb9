"""Jobs change state by one conditional UPDATE each, and every accepted one ends."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from sqlalchemy import select

from services.shared.clock import utc_now
from services.shared.errors import EmptyFile, JobFinished, JobNotRetryable, LeaseLost, UploadGone
from services.shared.jobs.model import OWN_WORK, Job, Kind, NewJob, State, Wait
from services.shared.jobs.store import JobStore
from services.shared.principal import LOCAL
from services.shared.records.database import Database
from services.shared.records.migrate import migrate
from services.shared.records.tables import catalog_databases, jobs, outbox, uploads
from services.shared.settings import Settings


class ManualClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/records.sqlite3")
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(database: Database, clock: ManualClock) -> JobStore:
    return JobStore(database, Settings(), clock=clock)


def submit(store: JobStore, **values: object) -> Job:
    new = NewJob(kind=Kind.PROFILE, resource_type="upload", resource_id="upl_1", params={})
    with store.database.write() as tx:
        return store.submit(tx, NewJob(**{**new.__dict__, **values}), principal=LOCAL)  # type: ignore[arg-type]


def add_upload(database: Database, clock: ManualClock, *, offset: int) -> None:
    with database.write() as tx:
        tx.execute(
            uploads.insert().values(
                id="upl_1",
                workspace="default",
                owner="local",
                created_at=clock(),
                filename="a.csv",
                metadata="",
                offset=offset,
                state="receiving",
                one_shot=False,
                touched_at=clock(),
            )
        )


def test_a_job_is_claimed_once(store: JobStore) -> None:
    """Two messages for one job lead to one attempt."""
    job = submit(store)
    first, second = store.claim(job.id), store.claim(job.id)
    assert first is not None
    assert first.attempt == 1
    assert second is None


def test_claim_takes_the_message_out_of_the_outbox(store: JobStore) -> None:
    """What was claimed is not sent again."""
    job = submit(store)
    store.claim(job.id)
    with store.database.read() as tx:
        assert tx.execute(select(outbox)).all() == []


def test_a_zombie_changes_nothing(store: JobStore, clock: ManualClock) -> None:
    """After a takeover every write of the older attempt is refused."""
    job = submit(store)
    zombie = store.claim(job.id)
    assert zombie is not None
    clock.advance(31)
    assert [lost.id for lost in store.take_over_lost()] == [job.id]
    heir = store.claim(job.id)
    assert heir is not None
    assert heir.attempt == 2
    assert store.renew(zombie, progress=None) is False
    with pytest.raises(LeaseLost):
        store.watch(zombie)
    for act in (
        lambda tx: store.succeed(tx, zombie, result={"by": "zombie"}, progress=None),
        lambda tx: store.save(tx, zombie, checkpoint={}, phase="x", progress=None),
        lambda tx: store.hand_over(tx, zombie, phase="x", progress=None),
        lambda tx: store.fail(tx, zombie, EmptyFile()),
    ):
        with pytest.raises(LeaseLost), store.database.write() as tx:
            act(tx)
    with store.database.write() as tx:
        store.succeed(tx, heir, result={"by": "heir"}, progress=None)
    assert store.get(job.id).result == {"by": "heir"}


def test_a_renewed_job_is_not_taken_over(store: JobStore, clock: ManualClock) -> None:
    """A job that beats keeps its worker."""
    job = store.claim(submit(store).id)
    assert job is not None
    clock.advance(20)
    assert store.renew(job, progress={"bytes_done": 1})
    clock.advance(20)
    assert store.take_over_lost() == []


def test_poison_ends_after_the_last_attempt(store: JobStore, clock: ManualClock) -> None:
    """A job that kills its worker each time ends as worker_lost after max_attempts, not before."""
    job = submit(store)
    for attempt in range(1, 4):
        assert store.claim(job.id) is not None, attempt
        clock.advance(31)
        store.take_over_lost()
    ended = store.get(job.id)
    assert ended.state is State.FAILED
    assert ended.error is not None
    assert ended.error["code"] == "worker_lost"
    assert ended.attempt == 3


def test_progress_forgives_failures(store: JobStore, clock: ManualClock) -> None:
    """A job that gets further each time is never given up."""
    job = submit(store)
    for _ in range(6):
        claimed = store.claim(job.id)
        assert claimed is not None
        with store.database.write() as tx:
            store.save(tx, claimed, checkpoint={"at": claimed.attempt}, phase="profiling", progress=None)
        clock.advance(31)
        store.take_over_lost()
    assert store.get(job.id).state is State.QUEUED


def test_a_stumble_waits_before_it_is_tried_again(store: JobStore, clock: ManualClock) -> None:
    """A failure that may pass is not tried again at once."""
    job = store.claim(submit(store).id)
    assert job is not None
    store.stumble(job, EmptyFile())
    assert store.claim(job.id) is None
    clock.advance(3)
    assert store.claim(job.id) is not None


def test_cancel_ends_a_queued_job_at_once_and_asks_a_running_one(store: JobStore) -> None:
    """A queued job is cancelled by the request itself, a running one by its worker; asking again changes nothing."""
    queued, running = submit(store), store.claim(submit(store).id)
    assert running is not None
    with store.database.write() as tx:
        assert store.cancel(tx, queued.id).state is State.CANCELLED
        asked = store.cancel(tx, running.id)
    assert asked.state is State.RUNNING
    assert asked.cancel_requested_at is not None
    assert store.watch(running) is True
    with store.database.write() as tx:
        assert store.cancel(tx, queued.id) == store.load(tx, queued.id)
        store.fail(tx, running, EmptyFile())
    with pytest.raises(JobFinished), store.database.write() as tx:
        store.cancel(tx, running.id)


def test_retry_needs_the_bytes_it_reads(store: JobStore, database: Database, clock: ManualClock) -> None:
    """A job whose upload was freed can't be tried again, and says so."""
    job = submit(store)
    with database.write() as tx:
        store.cancel(tx, job.id)
    with pytest.raises(UploadGone), database.write() as tx:
        store.retry(tx, job.id)
    add_upload(database, clock, offset=1)
    with database.write() as tx:
        assert store.retry(tx, job.id).state is State.QUEUED


def test_cancel_wins_over_a_hand_over(store: JobStore) -> None:
    """A job that was asked to stop is not queued for its next task."""
    job = store.claim(submit(store).id)
    assert job is not None
    with store.database.write() as tx:
        store.cancel(tx, job.id)
    with store.database.write() as tx:
        assert store.hand_over(tx, job, phase="profiling", progress=None) is False
    assert store.get(job.id).state is State.CANCELLED


def test_success_wins_over_a_late_cancel(store: JobStore) -> None:
    """Work that is done is not thrown away."""
    job = store.claim(submit(store).id)
    assert job is not None
    with store.database.write() as tx:
        store.cancel(tx, job.id)
    with store.database.write() as tx:
        store.succeed(tx, job, result={}, progress=None)
    assert store.get(job.id).state is State.SUCCEEDED


def test_retry_keeps_the_id_and_counts_anew(store: JobStore, database: Database, clock: ManualClock) -> None:
    """A failed job can be queued again, a running one can't."""
    add_upload(database, clock, offset=1)
    job = store.claim(submit(store).id)
    assert job is not None
    with pytest.raises(JobNotRetryable), store.database.write() as tx:
        store.retry(tx, job.id)
    with store.database.write() as tx:
        store.fail(tx, job, EmptyFile())
    with store.database.write() as tx:
        again = store.retry(tx, job.id)
    assert (again.id, again.state, again.failures, again.error, again.finished_at) == (job.id, State.QUEUED, 0, None, None)
    claimed = store.claim(job.id)
    assert claimed is not None
    assert claimed.attempt == 2


def test_a_job_waits_for_the_bytes_of_its_upload(store: JobStore, database: Database, clock: ManualClock) -> None:
    """A waiting job can't be claimed until the bytes it named have come."""
    add_upload(database, clock, offset=10)
    job = store.claim(submit(store).id)
    assert job is not None
    with database.write() as tx:
        store.hand_over(tx, job, phase="waiting_for_bytes", progress=None, wait=Wait("upl_1", 100))
    assert store.claim(job.id) is None
    with database.write() as tx:
        assert store.wake(tx, "upl_1", offset=99) == []
    with database.write() as tx:
        assert store.wake(tx, "upl_1", offset=100) == [job.id]
    assert store.claim(job.id) is not None


def test_a_wait_that_is_over_does_not_wait(store: JobStore, database: Database, clock: ManualClock) -> None:
    """Bytes that came between the look and the hand-over are not missed."""
    add_upload(database, clock, offset=100)
    job = store.claim(submit(store).id)
    assert job is not None
    with database.write() as tx:
        store.hand_over(tx, job, phase="waiting_for_bytes", progress=None, wait=Wait("upl_1", 100))
    assert store.claim(job.id) is not None


def test_the_end_of_a_job_wakes_who_waits_for_it(store: JobStore) -> None:
    """A publish goes on when its receipt's query has ended, however it ended."""
    query = submit(store)
    waiting = store.claim(submit(store).id)
    assert waiting is not None
    with store.database.write() as tx:
        store.hand_over(tx, waiting, phase="verifying", progress=None, wait=Wait(query.id))
    assert store.claim(waiting.id) is None
    with store.database.write() as tx:
        store.cancel(tx, query.id)
    assert store.claim(waiting.id) is not None


def test_the_reconciler_wakes_whom_nobody_woke(store: JobStore) -> None:
    """A job whose upload is gone or done does not wait for ever."""
    job = submit(store, waits_on="upl_gone", waits_for_bytes=5)
    assert store.wake_over() == [job.id]
    assert store.claim(job.id) is not None


def _update_many(url: str, count: int) -> int:
    database = Database(url)
    done = 0
    for _ in range(count):
        with database.write() as tx:
            row = tx.execute(select(jobs.c.attempt).where(jobs.c.id == "job_shared")).one()
            done += tx.execute(jobs.update().where(jobs.c.id == "job_shared", jobs.c.attempt == row.attempt).values(attempt=row.attempt + 1)).rowcount
    database.close()
    return done


def test_eight_processes_update_one_row_a_thousand_times_each(store: JobStore, tmp_path: Path) -> None:
    """8 × 1,000 conditional updates on SQLite: no error, and none is lost."""
    submit(store, id="job_shared")
    with ProcessPoolExecutor(8, mp_context=get_context("spawn")) as pool:
        done = sum(pool.map(_update_many, [f"sqlite:///{tmp_path}/records.sqlite3"] * 8, [1000] * 8))
    assert done == 8000
    assert store.get("job_shared").attempt == 8000


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    """An exception inside a write rolls all of it back."""

    def fail_late() -> None:
        with database.write() as tx:
            tx.execute(catalog_databases.insert().values(name="x", description="", created_at=utc_now()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_late()
    with database.read() as tx:
        assert tx.execute(select(catalog_databases)).all() == []


def test_work_for_a_job_that_did_not_succeed_is_cancelled(store: JobStore) -> None:
    """The queries of a receipt: a queued one ends with the publish, a running one is asked to, an ended one and a stranger's stay."""
    publish = store.claim(submit(store, kind=Kind.PUBLISH).id)
    assert publish is not None
    own = {"kind": Kind.QUERY, "resource_type": OWN_WORK, "resource_id": publish.id}
    queued, at_work, ended = (submit(store, **own) for _ in range(3))
    other = submit(store, kind=Kind.QUERY, resource_type=OWN_WORK, resource_id="job_other")
    store.claim(at_work.id)
    done = store.claim(ended.id)
    assert done is not None
    with store.database.write() as tx:
        store.succeed(tx, done, result={}, progress=None)
        store.cancel(tx, publish.id)
    assert store.get(queued.id).state is State.QUEUED
    with store.database.write() as tx:
        store.end_cancelled(tx, publish, progress=None)
    assert store.get(queued.id).state is State.CANCELLED
    assert store.get(at_work.id).cancel_requested_at is not None
    assert (store.get(ended.id).state, store.get(other.id).state) == (State.SUCCEEDED, State.QUEUED)
