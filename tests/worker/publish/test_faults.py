"""A publish that dies anywhere ends all the same, with one effect; an attempt that was presumed dead changes nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from services.shared.jobs.model import State
from services.shared.jobs.run import Run
from services.shared.publish_contract import Mode, PublishContract
from services.shared.records.tables import dataset_versions
from services.worker.sweep import mend_catalog, sweep_staging, sweep_work
from tests.worker.publish.house import House, open_house

LINES = 3_000
DATA = b"id,name,price\n" + b"".join(b"%d,name %d,%d.25\n" % (n, n % 7, n) for n in range(LINES)) + b"cut\n"
CALLBACKS = ("report", "save", "check", "succeed")
MOST_CALLS = 22


class Died(BaseException):
    """The process died: nothing of its own runs any more."""


def interrupt(run: Run, *, at: int, after: bool, act: Callable[[], None]) -> None:
    """Call `act` at the n-th call that the step makes to its run, before it or after."""
    calls = 0

    def wrap(name: str) -> None:
        real = getattr(run, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            mine = calls == at
            if mine and not after:
                act()
            answer = real(*args, **kwargs)
            if mine and after:
                act()
            return answer

        setattr(run, name, counted)

    for name in CALLBACKS:
        wrap(name)


def die() -> None:
    raise Died


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Make a home with an uploaded, profiled file and version 1 of a dataset."""
    home = tmp_path_factory.mktemp("template")
    with open_house(home) as house:
        upload_id = house.upload(DATA)
        house.publish(house.contract(house.upload(b"id,name,price\n-1,old,0.25\n"), "data", types={"price": "decimal(12,2)"}))
    return home, upload_id


@contextmanager
def copied(template: tuple[Path, str], **values: Any) -> Iterator[tuple[House, str]]:
    """Open a copy of the template, so that each example starts alike."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        shutil.copytree(template[0], home)
        sizes = {"parquet_file_bytes": 1 << 20, "row_group_rows": 8192, "max_attempts": 1000}
        with open_house(home, **{**sizes, **values}) as house:
            yield house, template[1]


def whole_effect(house: House, contract: PublishContract) -> None:
    """Check that version 2 is the one effect: its table, its record, and nothing left over."""
    rows = house.table_rows("data")
    old = 1 if contract.mode is Mode.APPEND else 0
    assert len(rows) == LINES + old
    assert sum(row[0] for row in rows) == LINES * (LINES - 1) // 2 - old
    with house.worker.database.read() as tx:
        versions = tx.execute(select(dataset_versions.c.version).order_by(dataset_versions.c.version)).scalars().all()
    assert versions == [1, 2]
    assert house.version("data", 2)["receipt"]["balanced"]
    table = house.worker.catalog.find_table("headwater", "data")
    assert table is not None
    assert table.location == house.version("data", 2)["prefix"]
    sweep_work(house.worker)
    sweep_staging(house.worker)
    assert mend_catalog(house.worker) == 0
    named = {house.version("data", 1)["prefix"], house.version("data", 2)["prefix"]}
    assert {key.rsplit("/", 1)[0] + "/" for key in house.keys("ws/default/tables/")} == named
    assert house.keys("ws/default/work/") == []
    assert house.worker.catalog.list_tables("headwater_staging") == []


@settings(max_examples=10, deadline=None)
@given(
    deaths=st.lists(st.tuples(st.integers(1, MOST_CALLS), st.booleans()), min_size=1, max_size=4), mode=st.sampled_from([Mode.APPEND, Mode.REPLACE])
)
def test_a_publish_that_dies_anywhere_ends_with_one_effect(template: tuple[Path, str], deaths: list[tuple[int, bool]], mode: Mode) -> None:
    """Whatever lines its attempts die at, the job succeeds, and the table, the records and the files are those of one publish."""
    with copied(template, publish_slice_s=0.001) as (house, upload_id):
        contract = house.contract(upload_id, "data", mode=mode, types={"price": "decimal(12,2)"})
        job_id = house.submit(contract)
        for at, after in deaths:
            while not house.job(job_id).finished:
                try:
                    job = house.job(job_id)
                    house.step(job.waits_on or job_id, disturb=lambda run, at=at, after=after: interrupt(run, at=at, after=after, act=die))
                except Died:
                    lost = job.waits_on or job_id
                    house.lose(lost)
                    break

        house.run(job_id)

        assert house.job(job_id).state is State.SUCCEEDED, house.job(job_id).error
        whole_effect(house, contract)


@settings(max_examples=8, deadline=None)
@given(at=st.integers(1, MOST_CALLS), after=st.booleans(), mode=st.sampled_from([Mode.APPEND, Mode.REPLACE]))
def test_a_zombie_changes_nothing(template: tuple[Path, str], at: int, after: bool, mode: Mode) -> None:
    """An attempt that sleeps past its lease anywhere, and goes on after another one has finished, leaves the finished publish as it is."""
    with copied(template) as (house, upload_id):
        contract = house.contract(upload_id, "data", mode=mode, types={"price": "decimal(12,2)"})
        job_id = house.submit(contract)
        slept: list[dict[str, Any]] = []

        def sleep_while_another_finishes() -> None:
            if not house.job(job_id).finished:
                house.lose(job_id)
                house.run(job_id)
                slept.append(contents(house))

        while not house.job(job_id).finished:
            job = house.job(job_id)
            house.step(job.waits_on or job_id, disturb=lambda run: interrupt(run, at=at, after=after, act=sleep_while_another_finishes))

        assert house.job(job_id).state is State.SUCCEEDED, house.job(job_id).error
        assert slept in ([], [contents(house)])
        whole_effect(house, contract)


def contents(house: House) -> dict[str, Any]:
    """Return what a user sees, byte for byte."""
    table = house.worker.catalog.find_table("headwater", "data")
    assert table is not None
    folder = Path(house.worker.storage.engine_location(table.location))
    return {"table": table, **{path.name: path.read_bytes() for path in sorted(folder.iterdir())}}


@pytest.mark.parametrize("at", [1, 5, 9, 14])
def test_a_cancelled_publish_leaves_the_version_before(template: tuple[Path, str], at: int) -> None:
    """A cancel that is seen before the flip ends the job, and the table stays what it was."""
    with copied(template) as (house, upload_id):
        job_id = house.submit(house.contract(upload_id, "data"))

        def cancel() -> None:
            with house.worker.database.write() as tx:
                house.worker.jobs.cancel(tx, job_id)

        house.step(job_id, disturb=lambda run: interrupt(run, at=at, after=False, act=cancel))
        for _ in range(5):
            if not house.job(job_id).finished:
                house.step(house.job(job_id).waits_on or job_id)

        assert house.job(job_id).state is State.CANCELLED
        assert house.table_rows("data") == [(-1, "old", house.table_rows("data")[0][2])]
        dataset = house.dataset("data")
        assert dataset is not None
        assert (dataset["version"], dataset["busy_job_id"]) == (1, None)


def test_a_catalog_that_a_dead_attempt_moved_is_mended(template: tuple[Path, str]) -> None:
    """A job that ends between the catalog update and its record leaves a table that is pointed back to the recorded version."""
    with copied(template, max_attempts=1) as (house, upload_id):
        job_id = house.submit(house.contract(upload_id, "data"))
        house.step(job_id)
        query = house.job(job_id).waits_on
        assert query is not None
        house.step(query)

        def die_before_the_record(run: Run) -> None:
            setattr(run, "succeed", lambda *_: die())  # noqa: B010 - the run is the step's own

        with pytest.raises(Died):
            house.step(job_id, disturb=die_before_the_record)
        house.lose(job_id)
        assert house.job(job_id).state is State.FAILED
        assert len(house.table_rows("data")) == LINES

        assert mend_catalog(house.worker) == 1

        assert len(house.table_rows("data")) == 1
        sweep_work(house.worker)
        assert len(house.keys("ws/default/tables/")) == 1
