"""A partitioned conversion that stops anywhere, spilling or distributing, goes on behind its last checkpoint and makes the same table."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.shared.errors import TooManyPartitions
from services.shared.jobs.run import StopRequested
from services.shared.publish_contract import ContractColumn, Mode, PublishContract
from services.shared.storage.folder import FolderStorage
from services.worker.csv.reading import Limits
from services.worker.publish.convert import convert
from services.worker.publish.converted import Converted
from services.worker.publish.distribute import distribute
from services.worker.publish.source import Source
from services.worker.publish.targets import plan_targets
from services.worker.publish.work import Sizes, Work
from tests.worker.publish.test_convert import known_of

ROWS = 3000
DATA = b"id,kind,day\n" + b"".join(b"%d,k%d,%d-01-0%d\n" % (n, n % 13, 2020 + n % 3, 1 + n % 9) if n % 307 else b"cut,short\n" for n in range(ROWS))
KNOWN = known_of(DATA)
SIZES = Sizes(
    file_bytes=1500,
    row_group_rows=100,
    row_group_bytes=1 << 20,
    spill_file_bytes=6_000,
    reading=Limits(chunk_bytes=4096, exact_bytes=1024, threads=1),
)


class Place:
    """A folder to convert to; each attempt has a prefix of its own, and spills so many bytes before it distributes them."""

    def __init__(self, root: Path, *, spill_bytes: int = 1 << 30) -> None:
        self.storage = FolderStorage(root)
        self.saved = Converted.nothing(4)
        self.attempts = self.distributions = 0
        self._spill_bytes = spill_bytes

    def work(self, *, max_partitions: int = 1000) -> Work:
        self.attempts += 1
        columns = tuple(ContractColumn(c.name, n, c.name, c.type) for n, c in enumerate(KNOWN.columns))
        contract = PublishContract("dst", "t", "d", Mode.CREATE, 1, None, columns=columns, partition_by=("kind", "year(day)"))
        source = Source(None, io.BytesIO(DATA), len(DATA), KNOWN)  # type: ignore[arg-type] - a conversion asks the upload nothing
        plan = plan_targets(contract, KNOWN, (), max_partitions=max_partitions)
        return Work(source, plan, self.storage, f"a{self.attempts}/", SIZES)

    def go(self, tick: Callable[[], None] = lambda: None, *, enough: Callable[[], bool] = lambda: False) -> None:
        """Take one task, as a publish does: convert until enough is spilled, then distribute."""
        if not self.saved.done and not self._full():
            convert(self.work(), start=self.saved, report=lambda *_: tick(), save=self.save, enough=lambda: enough() or self._full())
        if self.saved.spilled and (self.saved.done or self._full()):
            self.distributions += 1
            distribute(self.work(), start=self.saved, check=tick, save=self.save, enough=enough)

    def finish(self) -> None:
        for _ in range(10_000):
            if self.saved.done and not self.saved.spilled:
                return
            self.go()
        raise AssertionError("it does not end")

    def save(self, converted: Converted) -> None:
        """Keep a checkpoint as the records would, as JSON."""
        self.saved = Converted.from_json(converted.to_json())

    def outcome(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return the rows of each folder, in their order."""
        rows: dict[str, list[tuple[Any, ...]]] = {}
        for file in self.saved.files:
            table = pq.read_table(self.storage.engine_location(file.key))
            assert table.num_rows == file.rows
            rows.setdefault(file.folder, []).extend(tuple(row.values()) for row in table.to_pylist())
        return rows

    def _full(self) -> bool:
        return sum(file.bytes for file in self.saved.spilled) >= self._spill_bytes


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[tuple[Any, ...]]], Any]:
    """Convert in one go."""
    place = Place(tmp_path_factory.mktemp("whole"))
    place.finish()
    return place.outcome(), (place.saved.statistics, place.saved.counts, place.saved.done)


def test_one_go_puts_each_row_into_its_folder(whole: Any) -> None:
    """Every row is in the folder of its keys, once, in the order of the file, and the files have the other columns."""
    rows, (statistics, counts, done) = whole

    assert done
    assert set(rows) == {f"kind=k{k}/day_year={y}/" for k in range(13) for y in (2020, 2021, 2022)}
    expected: dict[str, list[int]] = {}
    for n in range(ROWS):
        if n % 307:
            expected.setdefault(f"kind=k{n % 13}/day_year={2020 + n % 3}/", []).append(n)
    assert {folder: [row[0] for row in found] for folder, found in rows.items()} == expected
    assert {len(row) for found in rows.values() for row in found} == {2}
    assert counts.records == sum(map(len, expected.values()))
    assert statistics[3].low == 2020


def test_spilled_rows_are_bounded(tmp_path: Path, whole: Any) -> None:
    """A conversion that may spill little distributes again and again, leaves no spill file behind, and makes the same rows."""
    place = Place(tmp_path, spill_bytes=8_000)
    place.finish()

    assert place.distributions > 2
    assert place.outcome() == whole[0]
    assert [info.key for info in place.storage.list("") if "spill" in info.key] == []


@settings(max_examples=30, deadline=None)
@given(
    stops=st.lists(st.tuples(st.integers(1, 60), st.sampled_from([StopRequested, SystemExit, KeyError])), max_size=6),
    spill_bytes=st.sampled_from([8_000, 1 << 30]),
)
def test_it_goes_on_where_it_stopped(
    tmp_path_factory: pytest.TempPathFactory, whole: Any, stops: list[tuple[int, type[BaseException]]], spill_bytes: int
) -> None:
    """Handed back, ended or dead at any block or partition, and gone on from the last checkpoint: the same rows and figures."""
    place = Place(tmp_path_factory.mktemp("stops"), spill_bytes=spill_bytes)
    for at, error in stops:
        left = [at]

        def stop(left: list[int] = left, error: type[BaseException] = error) -> None:
            left[0] -= 1
            if not left[0]:
                raise error

        try:
            place.go(stop)
        except (StopRequested, SystemExit, KeyError):
            continue
    place.finish()

    assert (place.outcome(), (place.saved.statistics, place.saved.counts, place.saved.done)) == whole


def test_slices_end_between_partitions(tmp_path: Path, whole: Any) -> None:
    """When the time is over, what is distributed is kept, and the next task goes on behind it."""
    place = Place(tmp_path)
    slices = 0
    while not (place.saved.done and not place.saved.spilled):
        place.go(enough=lambda: True)
        slices += 1

    assert slices > 39
    assert place.outcome() == whole[0]


def test_too_many_partitions_are_not_written(tmp_path: Path) -> None:
    """A chunk with more partitions than may be ends the conversion."""
    place = Place(tmp_path)
    with pytest.raises(TooManyPartitions, match="39 partitions"):
        convert(place.work(max_partitions=38), start=place.saved, report=lambda *_: None, save=place.save)
    assert place.saved.spilled == ()
