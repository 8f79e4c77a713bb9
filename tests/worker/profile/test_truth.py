"""Preview is truth: the profile of every file of the corpora against plain Python, and against itself in other chunks."""

from __future__ import annotations

import io
import random
from collections import Counter
from collections.abc import Mapping

import pytest

from services.shared.errors import Problem
from services.worker.csv.blocks import Reject
from services.worker.csv.dialect import Dialect
from services.worker.csv.reading import Limits
from services.worker.profile.model import Profile
from services.worker.profile.run import ProfileRun, ProfileSettings
from tests import corpora
from tests.conftest import SEED, Measured
from tests.worker.csv.plain import NotPlain, read_plain
from tests.worker.profile.oracle import agree, expect
from tests.worker.profile.runs import quiet

CHUNKS = {1: 1_500, 7: 6_000, 1_000: 40_000}


@pytest.mark.timeout(600)
def test_every_corpus_file_is_profiled_as_the_oracle_does(measured: Measured) -> None:
    """Records of every kind, the lines of the rejects, and each column's figures, over a sample of the polluted files and all others."""
    measured(**compare({**corpora.tables(), **corpora.pollock_sample(60, seed=SEED)}, plain=250))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_polluted_file_is_profiled_as_the_oracle_does(measured: Measured) -> None:
    """The same of all polluted files."""
    measured(**compare(corpora.pollock(), plain=1_500))


@pytest.mark.timeout(600)
def test_a_profile_does_not_depend_on_its_chunks(measured: Measured, dice: random.Random) -> None:
    """Read in chunks of 1, 7, 1,000 bytes and whole, a file has one profile and one list of rejects; small files for the small chunks."""
    files = {**corpora.tables(), **corpora.pollock_sample(20, seed=SEED)}
    measured(**in_chunks({name: files[name] for name in dice.sample(sorted(files), 80)}))


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_no_profile_depends_on_its_chunks(measured: Measured) -> None:
    """The same of a thousand files."""
    tables = corpora.tables()
    measured(**in_chunks({**tables, **corpora.pollock_sample(1_000 - len(tables), seed=SEED)}))


def compare(files: Mapping[str, bytes], *, plain: int) -> dict[str, int]:
    """Hold each profile to the oracle; at least `plain` files have to be such that plain Python reads them without a judgement."""
    count = Counter(files=len(files), equal=0, columns=0, cells=0, refused=0, judged=0)
    for name, data in files.items():
        try:
            found, rejects, dialect = run(data)
            rows = read_plain(data, dialect)
        except Problem:
            count["refused"] += 1
            continue
        except NotPlain:
            count["judged"] += 1
            continue
        of_profile = (found.records, found.header_records, found.preamble_records, found.comment_records, found.blank_records)
        assert of_profile == (len(rows.rows), rows.header, rows.preamble, rows.comments, rows.blank), name
        assert (found.rejected_records, [reject.line for reject in rejects]) == (len(rows.rejects), rows.rejects), name
        for position, column in enumerate(found.columns):
            agree(column, expect([row[position] for row in rows.rows]))
        count.update(equal=1, columns=len(found.columns), cells=len(found.columns) * len(rows.rows))
    assert count["equal"] >= plain, count
    return dict(count)


def in_chunks(files: Mapping[str, bytes]) -> dict[str, int]:
    """Hold the profiles of each file, read in chunks of every size, to that of the whole."""
    count = Counter(files=0, profiles=0)
    for name, data in files.items():
        try:
            whole = run(data)
        except Problem:
            continue
        count["files"] += 1
        for size, most in CHUNKS.items():
            if len(data) <= most:
                assert run(data, Limits(chunk_bytes=size, exact_bytes=max(1, size // 2))) == whole, (name, size)
                count["profiles"] += 1
    assert count["profiles"] >= count["files"]
    return dict(count)


def run(data: bytes, limits: Limits | None = None) -> tuple[Profile, list[Reject], Dialect]:
    """Profile a file as it would be after an upload, with nothing said about it."""
    rejects: list[Reject] = []
    profiling = ProfileRun.start(ProfileSettings.from_json({}), limits=limits or Limits())
    profiling.advance(io.BytesIO(data), available=len(data), final=True, report=quiet, rejects=rejects.extend, stop=lambda: False)
    assert profiling.dialect is not None
    return profiling.finish(), rejects, profiling.dialect
