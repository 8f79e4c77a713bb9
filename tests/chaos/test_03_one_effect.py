"""Invariant 3: a job has one effect however often its message is delivered, and however many workers there are."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from services.shared.broker import make_app, task_name
from services.shared.jobs.model import QUEUES, Kind
from services.shared.settings import Settings
from tests.chaos.broker import Broker
from tests.chaos.load import Load, rows
from tests.chaos.records import ask
from tests.chaos.workers import one_more
from tests.conftest import Measured
from tests.stack import Stack

_TIMES = 3


class Doubler:
    """Sends the message of each step of each job three times more."""

    def __init__(self, stack: Stack, broker: Broker) -> None:
        self.sent = 0
        self._stack = stack
        self._app = make_app("doubler", Settings(redis_url=f"redis://127.0.0.1:{broker.port}/0"), patient=False)
        self._done: set[tuple[object, ...]] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._double, name="doubler", daemon=True)

    def __enter__(self) -> Doubler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._app.close()

    def _double(self) -> None:
        while not self._over.wait(0.05):
            for step in ask(self._stack, "SELECT id, kind, state, attempt, phase FROM jobs WHERE state IN ('queued', 'running')"):
                if step not in self._done:
                    self._done.add(step)
                    self._send(step[0], step[1])

    def _send(self, job_id: str, kind: str) -> None:
        for _ in range(_TIMES):
            self._app.send_task(task_name(kind), args=[job_id], task_id=job_id, queue=QUEUES[Kind(kind)], ignore_result=True)
            self.sent += 1


@pytest.mark.timeout(240)
def test_three_messages_a_job_and_two_workers_a_queue(stack: Stack, broker: Broker, tmp_path: Path, measured: Measured) -> None:
    """Every job is done once: one profile, one version in one folder, one run of each query, of the receipt's too."""
    go_through(stack, broker, tmp_path, measured, name="once", publishes=3)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_three_messages_each_for_thirty_publishes(stack: Stack, broker: Broker, tmp_path: Path, measured: Measured) -> None:
    """The long form."""
    go_through(stack, broker, tmp_path, measured, name="many", publishes=30)


def go_through(stack: Stack, broker: Broker, folder: Path, measured: Measured, *, name: str, publishes: int) -> None:
    """Upload, profile, publish and query under a rain of messages, then count effects in the records and in the folders."""
    load = Load(stack)
    newest = ask(stack, "SELECT coalesce(max(created_at), 0) FROM jobs")[0][0]
    with ExitStack() as more:
        for service in ("worker-profile", "worker-publish", "query"):
            more.enter_context(one_more(stack, service, folder, name=f"second-{service}"))
        doubler = more.enter_context(Doubler(stack, broker))
        made = [load.upload(rows(300, first=number)) for number in range(publishes)]
        assert {job["state"] for job in load.end(timeout_s=120)} == {"succeeded"}
        published = [load.publish(upload_id, f"{name}_{number}") for number, upload_id in enumerate(made)]
        queries = [load.query(f"SELECT {number} AS n") for number in range(publishes)]
        assert {job["state"] for job in load.end(timeout_s=180)} == {"succeeded"}
    profiles = {upload_id: ask(stack, "SELECT count(*) FROM profiles WHERE upload_id = ?", upload_id)[0][0] for upload_id in made}
    versions = {path: ask(stack, "SELECT count(*) FROM dataset_versions WHERE job_id = ?", path.rsplit("/", 1)[1])[0][0] for path in published}
    runs = {path: ask(stack, "SELECT attempt FROM jobs WHERE id = ?", path.rsplit("/", 1)[1])[0][0] for path in queries}
    of_receipts = "SELECT max(attempt), count(*) FROM jobs JOIN queries USING (id) WHERE origin = 'receipt' AND jobs.created_at > ?"
    receipts = ask(stack, of_receipts, newest)[0]
    folders = {number: len(folders_of(stack, f"{name}_{number}")) for number in range(publishes)}
    measured(
        messages_sent_again=doubler.sent, jobs=len(load.jobs), profiles_each=max(profiles.values()), versions_each=max(versions.values()),
        folders_crawled_each=max(folders.values()), runs_a_query=max(runs.values()), runs_a_receipt_query=receipts[0],
    )  # fmt: skip
    for counts in (profiles, versions, runs, folders):
        assert set(counts.values()) == {1}
    assert receipts[0] == 1
    assert receipts[1] >= publishes


def folders_of(stack: Stack, name: str) -> list[Path]:
    """Return the version folders of a dataset; a second crawl would have been of a second folder."""
    dataset = stack.http.get(f"/v1/datasets/{name}").json()
    return list((stack.home / "objects" / "ws" / "default" / "tables" / dataset["id"]).iterdir())
