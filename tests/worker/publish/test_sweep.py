"""The reconciler frees what nobody needs any more, and never what somebody does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.shared.jobs.model import State
from services.shared.publish_contract import Mode
from services.worker.sweep import sweep_staging, sweep_versions, sweep_work
from tests.worker.publish.house import House, open_house

DATA = b"id\n1\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, retain_versions=2, version_grace_s=0) as opened:
        yield opened


def publish_again(house: House, upload_id: str, times: int) -> None:
    for _ in range(times):
        job = house.publish(house.contract(upload_id, "data"))
        assert job.state is State.SUCCEEDED, job.error


def test_versions_beyond_those_retained_are_freed(house: House) -> None:
    """Of four versions the newest two keep their files; the others are marked and gone."""
    publish_again(house, house.upload(DATA), 4)

    assert sweep_versions(house.worker) == 2

    assert [house.version("data", n)["freed_at"] is None for n in (1, 2, 3, 4)] == [False, False, True, True]
    assert [bool(house.keys(house.version("data", n)["prefix"])) for n in (1, 2, 3, 4)] == [False, False, True, True]
    assert house.table_rows("data") == [(1,)]
    assert sweep_versions(house.worker) == 0


def test_a_version_stays_for_its_grace(tmp_path: Path) -> None:
    """Until the grace is over, queries that still read an old version find its files."""
    with open_house(tmp_path, retain_versions=1) as house:
        publish_again(house, house.upload(DATA), 3)

        assert sweep_versions(house.worker) == 0


def test_files_that_a_restored_version_shares_stay(house: House) -> None:
    """Freeing the old version leaves the files to the one that was restored from it."""
    upload_id = house.upload(DATA)
    publish_again(house, upload_id, 3)
    contract = house.contract(upload_id, "data", mode=Mode.RESTORE, restore=1)
    house.publish(replace(contract, upload_id=None, profile_id=None, columns=()))

    sweep_versions(house.worker)

    assert house.version("data", 1)["freed_at"] is not None
    assert house.table_rows("data") == [(1,)]


def test_a_freed_version_cannot_be_restored(house: House) -> None:
    """The problem says so, and the current version stays."""
    upload_id = house.upload(DATA)
    publish_again(house, upload_id, 3)
    sweep_versions(house.worker)
    contract = house.contract(upload_id, "data", mode=Mode.RESTORE, restore=1)

    job = house.publish(replace(contract, upload_id=None, profile_id=None, columns=()))

    assert job.error is not None
    assert job.error["code"] == "version_not_found"
    dataset = house.dataset("data")
    assert dataset is not None
    assert dataset["version"] == 3


def test_what_a_running_publish_has_made_is_not_swept(house: House) -> None:
    """Work areas, version folders and staged tables of a job that goes on stay; of one that was cancelled they go."""
    job_id = house.submit(house.contract(house.upload(DATA), "data"))
    house.step(job_id)

    assert (sweep_work(house.worker), sweep_staging(house.worker)) == (0, 0)
    with house.worker.database.write() as tx:
        house.worker.jobs.cancel(tx, job_id)

    assert (sweep_work(house.worker), sweep_staging(house.worker)) == (2, 1)
    assert house.keys("ws/default/tables/") + house.keys("ws/default/work/") == []
    assert house.worker.catalog.list_tables("headwater_staging") == []


def test_a_table_made_elsewhere_is_never_replaced(house: House) -> None:
    """A publish into a name that the catalog has from elsewhere fails, and that table stays."""
    publish_again(house, house.upload(DATA), 1)
    table = house.worker.catalog.find_table("headwater", "data")
    assert table is not None
    foreign = house.worker.catalog.put_table(replace(table, name="theirs", location="elsewhere/theirs/", parameters={}), expected_version=None)

    job = house.publish(house.contract(house.upload(DATA), "theirs"))

    assert job.error is not None
    assert job.error["code"] == "dataset_exists"
    assert house.worker.catalog.find_table("headwater", "theirs") == foreign
