"""A conversion that stops anywhere goes on behind its last checkpoint and makes the same table."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.shared.jobs.run import StopRequested
from services.shared.publish_contract import ContractColumn, Mode, PublishContract
from services.shared.storage.folder import FolderStorage
from services.worker.csv.reading import Limits
from services.worker.profile.model import to_json
from services.worker.profile.run import ProfileRun, ProfileSettings
from services.worker.publish import convert as room
from services.worker.publish.casts import Caster, Reading
from services.worker.publish.convert import convert
from services.worker.publish.converted import Converted
from services.worker.publish.source import Known, Source, read_known
from services.worker.publish.targets import plan_targets
from services.worker.publish.work import Sizes, Work
from services.worker.rejects import join_rejects

ROWS = 3000
DATA = b"id,code,price,note\n" + b"".join(
    b'%d,%s,%d.%02d,"note, %d"\n' % (n, b"x" if n % 211 == 0 else b"%d" % (n % 97), n, n % 100, n % 5) if n % 307 else b"cut,short\n"
    for n in range(ROWS)
)
SIZES = Sizes(file_bytes=5_000, row_group_rows=300, row_group_bytes=1 << 20, reading=Limits(chunk_bytes=4096, exact_bytes=1024, threads=1))


def known_of(data: bytes) -> Known:
    """Profile the bytes."""
    run = ProfileRun.start(ProfileSettings.from_json(None))
    run.advance(io.BytesIO(data), available=len(data), final=True, report=lambda **_: None, rejects=lambda _: None, stop=lambda: False)
    return read_known(io.BytesIO(to_json(run.finish())))


KNOWN = known_of(DATA)


class Place:
    """A folder to convert to; each attempt has a prefix of its own."""

    def __init__(self, root: Path) -> None:
        self.storage = FolderStorage(root)
        self.saved = Converted.nothing(4)
        self.attempts = 0

    def attempt(self, report: Callable[[int, int], None] = lambda *_: None, **more: Any) -> Converted:
        """Go on from what was saved."""
        self.attempts += 1
        columns = tuple(ContractColumn(c.name, n, c.name, "bigint" if c.name == "code" else c.type) for n, c in enumerate(KNOWN.columns))
        plan = plan_targets(PublishContract("dst", "t", "d", Mode.CREATE, 1, None, columns=columns), KNOWN, ())
        source = Source(None, io.BytesIO(DATA), len(DATA), KNOWN)  # type: ignore[arg-type] - a conversion asks the upload nothing
        work = Work(source, plan, self.storage, f"a{self.attempts}/", SIZES)
        return convert(work, start=self.saved, report=report, save=self.save, **more)

    def save(self, converted: Converted) -> None:
        """Keep a checkpoint as the records would, as JSON."""
        self.saved = Converted.from_json(converted.to_json())

    def outcome(self) -> tuple[Any, ...]:
        """Return the rows, the rejects and the figures."""
        rows = [row for file in self.saved.files for row in pq.read_table(self.storage.engine_location(file.key)).to_pylist()]
        join_rejects(self.storage, self.saved.rejects, "joined/")
        with self.storage.open_read("joined/rejects.jsonl") as stream:
            rejects = stream.read()
        return rows, rejects, self.saved.statistics, self.saved.counts, self.saved.done


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    """Convert in one go."""
    place = Place(tmp_path_factory.mktemp("whole"))
    place.attempt()
    assert len(place.saved.files) > 2
    return place.outcome()


def test_one_go_accounts_for_every_record(whole: tuple[Any, ...]) -> None:
    """Rows, unreadable records and unfit records are all there is; rejects come in the order of the file."""
    rows, rejects, _, counts, _ = whole

    assert len(rows) + counts.rejected_records == ROWS
    assert rejects.count(b"\n") == counts.rejected_records
    assert rejects.count(b"cast_failed") == sum(1 for n in range(ROWS) if n % 211 == 0 and n % 307)


@settings(max_examples=20, deadline=None)
@given(stops=st.lists(st.tuples(st.integers(1, 40), st.sampled_from([StopRequested, SystemExit, KeyError])), max_size=4))
def test_a_conversion_goes_on_where_it_stopped(
    tmp_path_factory: pytest.TempPathFactory, whole: Any, stops: list[tuple[int, type[BaseException]]]
) -> None:
    """Handed back, ended or dead after any block, and gone on from the last checkpoint: the same rows, rejects and figures."""
    place = Place(tmp_path_factory.mktemp("stops"))
    for at, error in stops:
        left = [at]

        def stop(*_: int, left: list[int] = left, error: type[BaseException] = error) -> None:
            left[0] -= 1
            if not left[0]:
                raise error

        try:
            place.attempt(stop)
        except (StopRequested, SystemExit, KeyError):
            continue
    place.attempt()

    assert place.outcome() == whole


@settings(max_examples=25, deadline=None)
@given(line=st.integers(1, 6000))
def test_a_signal_at_any_line_loses_nothing(tmp_path_factory: pytest.TempPathFactory, whole: Any, line: int) -> None:
    """SystemExit raised at any line of the conversion leaves a checkpoint that makes the same table."""
    place = Place(tmp_path_factory.mktemp("signal"))
    left = [line]

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != room.__file__:
            return None
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                sys.settrace(None)
                raise SystemExit
        return trace

    before = sys.gettrace()
    try:
        sys.settrace(trace)
        place.attempt()
    except SystemExit:
        pass
    finally:
        sys.settrace(before)
    place.attempt()

    assert place.outcome() == whole


def test_a_slice_ends_with_a_finished_file(tmp_path: Path, whole: Any) -> None:
    """When the time is over the conversion returns what is done, and the next task goes on."""
    place = Place(tmp_path)
    slices = 0
    while not place.attempt(enough=lambda: True).done:
        slices += 1

    assert slices > 3
    assert place.outcome() == whole


CELL = st.one_of(
    st.none(),
    st.sampled_from(["", "NA", "-", "0", "-0", "007", "+1", "1.", ".5", "1e5", "inf", "NaN", "true", "TRUE", "t", "2020-02-30", "2020-01-01T00:00Z"]),
    st.integers(-(2**64), 2**64).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.floats().map(repr),
    st.dates().map(str),
    st.datetimes().map(str),
    st.text(alphabet="0123456789-+.eE: TZ", max_size=24),
)


@settings(max_examples=60, deadline=None)
@given(cells=st.lists(CELL, min_size=1, max_size=25))
def test_a_cast_fails_exactly_where_the_profile_says(cells: list[str | None]) -> None:
    """For every candidate type, as many values fail the cast as the profile counts; none fails where it counts none."""
    written = "\n".join("" if cell is None else '""' if cell == "" else cell for cell in cells)
    data = ("v,w\n" + "\n".join(f"{cell},1" for cell in written.split("\n")) + "\n").encode()
    known = known_of(data)
    (column, _) = known.columns
    for type_, fails in column.fails.items():
        if "%" in type_:
            continue
        reading = Reading(type_, column.format if "%" not in (column.format or "") else None, known.null_tokens(type_), proved=fails == 0)
        cast = Caster(reading).cast(pa.array(cells, pa.string()))
        assert (0 if cast.bad is None else int(cast.bad.sum())) == fails, (type_, cells)
