"""Messages wait with their jobs until a real broker takes them, and are sent again only when they are lost."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from celery.signals import after_task_publish

from headwater.broker import find_server
from services.shared.broker import make_app, queue_length
from services.shared.jobs.model import Job, Kind, NewJob
from services.shared.jobs.store import JobStore
from services.shared.outbox import Outbox
from services.shared.principal import LOCAL
from services.shared.records.database import Database
from services.shared.records.migrate import migrate
from services.shared.settings import Settings
from tests.shared.test_jobs import ManualClock
from tests.stack import free_port, until


@dataclass
class Post:
    """A broker that can be stopped and started, and what sends to it."""

    port: int
    folder: Path
    store: JobStore
    outbox: Outbox
    clock: ManualClock
    process: subprocess.Popen[bytes] | None = None

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port)

    def start(self) -> None:
        command = [str(find_server()), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until(self._answers, timeout_s=20, what="the broker answers")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def submit(self) -> Job:
        with self.store.database.write() as tx:
            return self.store.submit(tx, NewJob(kind=Kind.PROFILE, resource_type="upload", resource_id="upl_1", params={}), principal=LOCAL)

    def waiting(self) -> int:
        with self.client as client:
            return queue_length(client, "profile")

    def send_due(self) -> int:
        with self.client as client:
            return self.outbox.send_due(client)

    def _answers(self) -> bool:
        try:
            with self.client as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    port, clock = free_port(), ManualClock()
    settings = Settings(redis_url=f"redis://127.0.0.1:{port}/0")
    database = Database(f"sqlite:///{tmp_path}/records.sqlite3")
    migrate(database)
    app = make_app("test-outbox", settings, socket_timeout_s=1.5, patient=False)
    store, outbox = JobStore(database, settings, clock=clock), Outbox(database, app, settings, clock=clock)
    post = Post(port, tmp_path, store, outbox, clock)
    post.start()
    yield post
    outbox.close()
    app.close()
    post.stop()
    database.close()


def test_a_message_carries_the_job_s_id_and_nothing_else(post: Post) -> None:
    """The task's id is the job's id, and its only argument."""
    job = post.submit()
    assert post.outbox.send(job.id)
    with post.client as client:
        raw = client.lindex("headwater:profile", 0)
    assert raw is not None
    assert raw.count(job.id.encode()) >= 1
    assert post.waiting() == 1


def test_what_is_in_the_queue_is_not_sent_again(post: Post) -> None:
    """A job that only waits its turn gets no second message, however long it waits."""
    post.outbox.send(post.submit().id)
    post.clock.advance(3600)
    assert post.send_due() == 0
    assert post.waiting() == 1


def test_what_a_flush_lost_is_sent_again(post: Post) -> None:
    """After a flush each queued job has its message again, once."""
    for _ in range(3):
        post.outbox.send(post.submit().id)
    with post.client as client:
        client.flushall()
    assert post.send_due() == 0, "not before it is due"
    post.clock.advance(31)
    assert post.send_due() == 3
    assert post.send_due() == 0
    assert post.waiting() == 3


def test_a_broker_that_is_away_only_delays(post: Post) -> None:
    """What was accepted while the broker was down is sent when it is back."""
    post.stop()
    job = post.submit()
    assert post.outbox.send(job.id) is False
    post.start()
    assert post.send_due() == 1
    assert post.waiting() == 1


def test_a_claimed_job_is_never_sent(post: Post) -> None:
    """A running job has no message to lose."""
    job = post.submit()
    post.outbox.send(job.id)
    post.store.claim(job.id)
    with post.client as client:
        client.flushall()
    post.clock.advance(3600)
    assert post.send_due() == 0


def test_a_worker_may_be_faster_than_the_note_of_sending(post: Post) -> None:
    """A job that was claimed and handed over before its message is noted as sent has its next message sent at once, not after the patience."""
    job = post.submit()

    def overtake(**_: object) -> None:
        after_task_publish.disconnect(overtake)
        claimed = post.store.claim(job.id)
        assert claimed is not None
        post.clock.advance(1)
        with post.store.database.write() as tx:
            post.store.hand_over(tx, claimed, phase="next", progress=None)

    after_task_publish.connect(overtake)
    post.outbox.send(job.id)
    post.outbox.send_new()
    assert post.waiting() == 2, "the message that was claimed, and the next"
