"""A profile does not depend on how its file came: chunks, checkpoints, stops and a growing upload."""

from __future__ import annotations

import hashlib
import io
import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.worker.profile import digest
from services.worker.profile.column import Column, Limits
from services.worker.profile.finish import Named, finish_column
from services.worker.profile.model import ColumnProfile, Profile, Warned, read_columns, read_head, to_json
from services.worker.profile.provisional import provisional_types
from services.worker.profile.run import ProfileRun, ProfileSettings
from services.worker.profile.summary import NULL_TOKENS, Wanted, summarise
from tests.worker.profile.runs import RFC, profile, profile_in_steps, profile_with_rejects, quiet, table

HEADER = b"id,price,name,day,when,share,flag,late\n"


def mixed(rows: int, seed: int = 7) -> bytes:
    """Make a table with near misses, nulls, quotes, line breaks and rejects."""
    random_ = random.Random(seed)
    lines: list[list[str | None]] = []
    for row in range(rows):
        lines.append(
            [
                str(row),
                f"{random_.gauss(100, 50):.{random_.choice([1, 2])}f}",
                random_.choice(["a", 'say "b"', "line\nbreak", "NA", "naïve", None, ""]),
                f"{random_.randrange(1, 29)}/{random_.randrange(1, 13)}/2020",
                f"2024-01-{random_.randrange(1, 29):02d}T10:00:00{random_.choice(['Z', '+02:00'])}",
                f"{random_.gauss(0, 1):.4e}",
                random_.choice(["true", "FALSE", "NA"]),
                "7" if row < rows - 3 else "seven",
            ]
        )
    return HEADER + table(lines) + b"one,two,three\n"


@pytest.mark.parametrize("size", [1, 7, 1000, 10**9])
def test_a_column_is_the_same_in_chunks_of_any_size(size: int) -> None:
    """Statistics, types and failures do not depend on where blocks end."""
    rows = 200 if size == 1 else 3000
    cells = [str(row % 50) if row % 97 else f"{row}.5" for row in range(rows)] + ["x", None, "", "NA", "1e3"]

    whole, parts = summary(cells, len(cells)), summary(cells, size)

    assert parts == whole


def summary(cells: list[str | None], size: int) -> tuple[ColumnProfile, list[Warned]]:
    column = Column(Limits.of(10))
    for start in range(0, len(cells), size):
        texts = pa.chunked_array([cells[start : start + size]], pa.string())
        column.absorb(summarise(texts, Wanted.by(column, NULL_TOKENS), lambda row, start=start: (start + row, start + row + 2)))
    return finish_column(Named(0, "c", "c"), column, pa.array(cells, pa.string()).drop_null(), sampled_all=True)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(1, 150_000), max_size=6))
def test_a_restored_run_ends_in_the_same_profile(cuts: list[int]) -> None:
    """Grown, saved and restored at any byte, the profile, its digest and its rejects are those of one go."""
    data = mixed(2000)
    steps = sorted(cut for cut in cuts if cut < len(data))

    found, rejects = profile_in_steps(data, steps, dialect=RFC)

    whole, all_rejects = profile_with_rejects(data, dialect=RFC)
    assert found == whole
    assert rejects == all_rejects
    assert found.sha256 == hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def blocks() -> bytes:
    """Make a file of several blocks."""
    return mixed(1_000) + b"".join([mixed(4_000)[len(HEADER) :]] * 60)


def test_a_stopped_run_goes_on_where_it_stopped(blocks: bytes) -> None:
    """`stop` ends the work between two blocks, short of the end; the next call does the rest."""
    data = blocks
    run = ProfileRun.start(ProfileSettings.from_json({"dialect": RFC}))

    run.advance(io.BytesIO(data), available=len(data), final=True, report=quiet, rejects=lambda _: None, stop=lambda: True)
    assert not run.done
    assert 0 < run.offset < len(data)
    run = ProfileRun.restore(run.checkpoint())
    run.advance(io.BytesIO(data), available=len(data), final=True, report=quiet, rejects=lambda _: None, stop=lambda: False)

    assert run.finish() == profile(data, dialect=RFC)


def test_progress_is_reported_and_reaches_the_end(blocks: bytes) -> None:
    """Reports never go back, and the last one names every byte and record."""
    data = blocks
    seen: list[tuple[int, int]] = []
    run = ProfileRun.start(ProfileSettings.from_json({"dialect": RFC}))

    run.advance(
        io.BytesIO(data),
        available=len(data),
        final=True,
        report=lambda *, bytes_done, records_done: seen.append((bytes_done, records_done)),
        rejects=lambda _: None,
        stop=lambda: False,
    )

    assert seen == sorted(seen)
    assert len(seen) > 1
    assert seen[-1] == (len(data), 241_000)


def test_an_upload_of_less_than_the_head_waits() -> None:
    """Nothing is decided from the first bytes of a file that still arrives."""
    run = ProfileRun.start(ProfileSettings.from_json(None))

    run.advance(io.BytesIO(b"a,b\n1,"), available=6, final=False, report=quiet, rejects=lambda _: None, stop=lambda: False)

    assert (run.dialect, run.offset, run.done) == (None, 0, False)


def test_a_digest_goes_on_after_its_context_was_saved() -> None:
    """The SHA-256 of two halves, saved in between, is that of the whole."""
    data = random.Random(3).randbytes(100_001)
    first = digest.Sha256()
    first.update(data[:33_333])
    context = first.context()

    assert digest.resumable()
    assert context is not None
    second = digest.Sha256.restore(first.size, context)
    second.update(data[33_333:])

    assert (second.size, second.hexdigest()) == (len(data), hashlib.sha256(data).hexdigest())


def test_without_libcrypto_the_prefix_is_hashed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a digest cannot be saved, a restored run still ends with the right one."""
    data = mixed(3000)
    monkeypatch.setattr(digest, "_library", lambda: None)

    found, _ = profile_in_steps(data, [len(data) // 2], dialect=RFC)

    assert found.sha256 == hashlib.sha256(data).hexdigest()


def test_columns_are_paged_from_the_stored_profile() -> None:
    """A stored profile gives any range of columns without the others."""
    found = profile(mixed(50), dialect=RFC)
    stored = to_json(found)

    head, _ = read_head(io.BytesIO(stored))
    page = read_columns(io.BytesIO(stored), 2, 4)

    assert (head["total_columns"], head["records"], head["formats"]) == (8, 50, formats(found))
    assert [column["position"] for column in page] == [2, 3]
    assert read_columns(io.BytesIO(stored), 8, 99) == []


def formats(found: Profile) -> dict[str, str]:
    return {str(column.position): column.format for column in found.columns if column.format}


def test_preview_rows_get_provisional_types() -> None:
    """The few rows of a preview are read by the profile's own rules."""
    rows = [["1", "02000", "1.5", None], ["2", "10115", "2", None]]

    assert provisional_types(rows) == ["bigint", "string", "decimal(2,1)", "string"]
    assert provisional_types([]) == []
