"""What is estimated, is estimated well: distinct values, quantiles, frequent values."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from services.worker.profile.cells import Cells
from services.worker.profile.distinct import Distinct
from tests.worker.profile.runs import RFC, profile

ROWS = 120_000


@pytest.fixture(scope="module")
def wide_spread() -> bytes:
    """Make a column of numbers, one of words with two heavy ones, and one of long texts."""
    random_ = random.Random(11)
    lines = ["number,word,long"]
    for row in range(ROWS):
        word = random_.choice(["heavy", "heavier", "heavier"]) if random_.random() < 0.3 else f"w{random_.randrange(50_000)}"
        lines.append(f"{random_.gauss(0, 1000):.3f},{word},{'x' * 90}{row % 70_000}")
    return ("\n".join(lines) + "\n").encode()


def test_quantiles_are_within_two_percent_of_their_rank(wide_spread: bytes) -> None:
    """A quantile's rank among all values is off by less than 2 % of the rows."""
    exact = np.sort([float(line.split(",")[0]) for line in wide_spread.decode().splitlines()[1:]])

    column = profile(wide_spread, dialect=RFC).columns[0]

    ranks = [np.searchsorted(exact, float(str(quantile.value))) / ROWS for quantile in column.quantiles]
    assert ranks == pytest.approx([quantile.p for quantile in column.quantiles], abs=0.02)
    assert column.histogram is not None
    assert sum(column.histogram.counts) == ROWS


def test_mean_and_deviation_are_exact(wide_spread: bytes) -> None:
    """Sums are exact, so the mean of decimals is right to its last digit."""
    thousandths = [round(float(line.split(",")[0]) * 1000) for line in wide_spread.decode().splitlines()[1:]]

    column = profile(wide_spread, dialect=RFC).columns[0]

    assert float(str(column.mean)) == pytest.approx(sum(thousandths) / ROWS / 1000, abs=1e-9)
    assert column.stddev == pytest.approx(float(np.std(np.array(thousandths) / 1000)), rel=1e-12)


def test_frequent_values_are_found_among_many(wide_spread: bytes) -> None:
    """Heavy values come first, with counts within 2 % of the rows."""
    cells = [line.split(",")[1] for line in wide_spread.decode().splitlines()[1:]]

    column = profile(wide_spread, dialect=RFC).columns[1]

    assert [top.value for top in column.top[:2]] == ["heavier", "heavy"]
    assert [top.count for top in column.top[:2]] == pytest.approx([cells.count("heavier"), cells.count("heavy")], abs=0.02 * ROWS)


def test_distinct_values_are_within_two_percent(wide_spread: bytes) -> None:
    """Estimated counts are marked as such and off by less than 2 %."""
    columns = profile(wide_spread, dialect=RFC).columns

    exact = [len({line.split(",")[position] for line in wide_spread.decode().splitlines()[1:]}) for position in range(3)]
    assert [column.distinct for column in columns] == pytest.approx(exact, rel=0.02)
    assert not any(column.distinct_is_exact for column in columns)


def test_distinct_sketches_do_not_depend_on_order() -> None:
    """Blocks in another order give the same sketch."""
    values = pa.array([str(value) for value in range(50_000)])
    hashes = Cells.of(values).hashes()
    forward, backward = Distinct(1000), Distinct(1000)

    for start in range(0, 50_000, 5000):
        forward.add(forward.candidates(hashes[start : start + 5000]))
        backward.add(backward.candidates(hashes[45_000 - start : 50_000 - start]))

    assert forward.estimate() == backward.estimate()
    assert forward.compact().tolist() == backward.compact().tolist()


def test_hashes_depend_on_the_text_alone() -> None:
    """The same text hashes alike in any array, and texts that differ only far behind, or by a NUL, do not collide."""
    texts = ["", "a", "a\0", "x" * 63, "x" * 64, "x" * 65, "x" * 5000, "x" * 4999 + "y", "y" + "x" * 4999, "é" * 40]

    together = Cells.of(pa.array(texts)).hashes().tolist()

    assert len(set(together)) == len(texts)
    assert [Cells.of(pa.array(["pad", text]).slice(1)).hashes()[0] for text in texts] == together
