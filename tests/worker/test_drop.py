"""A drop takes everything away, or, when it is cancelled, nothing; what a dead attempt of it did to the catalog is undone within a tick."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from services.shared.ids import new_id
from services.shared.jobs.model import Kind, NewJob, State
from services.shared.jobs.run import Run
from services.shared.principal import LOCAL
from services.shared.records.tables import datasets
from services.worker.reconcile import reconcile
from tests.worker.publish.house import House, open_house
from tests.worker.publish.test_faults import Died


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house with a dataset of one row."""
    with open_house(tmp_path) as opened:
        opened.publish(opened.contract(opened.upload(b"id\n1\n"), "data"))
        yield opened


def submit_drop(house: House) -> str:
    dataset = house.dataset("data")
    assert dataset is not None
    job_id = new_id("job")
    with house.worker.database.write() as tx:
        tx.execute(update(datasets).where(datasets.c.id == dataset["id"]).values(busy_job_id=job_id, state="dropping"))
        house.worker.jobs.submit(tx, NewJob(Kind.DROP, "dataset", dataset["id"], {}, id=job_id), principal=LOCAL)
    return job_id


def cancel(house: House, job_id: str) -> None:
    with house.worker.database.write() as tx:
        house.worker.jobs.cancel(tx, job_id)


def test_a_drop_that_is_cancelled_at_work_leaves_the_dataset(house: House) -> None:
    """A cancel that comes before the catalog is touched wins: the table, the record and the files stay."""
    job_id = submit_drop(house)

    house.step(job_id, disturb=lambda _run: cancel(house, job_id))

    assert house.job(job_id).state is State.CANCELLED
    dataset = house.dataset("data")
    assert dataset is not None
    assert (dataset["state"], dataset["busy_job_id"]) == ("ready", None)
    assert house.table_rows("data") == [(1,)]


def test_a_table_that_a_dead_drop_took_away_is_back_within_a_tick(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt dies behind the catalog's change, the job is cancelled: the reconciler puts the table back at its next tick."""
    job_id = submit_drop(house)

    def die(run: Run) -> None:
        def died(*_: object, **__: object) -> None:
            raise Died

        monkeypatch.setattr(run, "succeed", died)

    with pytest.raises(Died):
        house.step(job_id, disturb=die)
    assert house.worker.catalog.find_table(house.worker.settings.database, "data") is None
    cancel(house, job_id)
    house.lose(job_id)
    assert house.job(job_id).state is State.CANCELLED

    reconcile(house.worker)

    assert house.table_rows("data") == [(1,)]
