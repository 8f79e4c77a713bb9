"""Whatever stands in a text file, the engine's rows are the SerDe's: hostile lines against a reading of them character by character."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.query.engines.open_csv import cut_line
from services.shared.catalog.serde import LONGEST_LINE_BYTES, SerdeName
from services.shared.errors import UnsupportedOnEmbedded
from tests.query.serde.conftest import TextLake
from tests.query.serde.reference import lazy_simple_texts

COLUMNS = 3
LINE = st.text(st.sampled_from('",,,\\\\""N nré😀\t\x00\x01ab'), max_size=24)
FILE = st.lists(st.lists(LINE, max_size=30), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> TextLake:
    return TextLake(tmp_path_factory.mktemp("hostile"))


@given(FILE)
@settings(max_examples=60, deadline=None)
def test_lazy_simple(lake: TextLake, files: list[list[str]]) -> None:
    """Delimiters, escapes at any place, NULL sequences, quotes, empty lines, too few and too many cells, several files."""
    rows = lake.read(SerdeName.LAZY_SIMPLE, [_bytes(lines) for lines in files], ["string"] * COLUMNS, header=1)
    assert sorted(rows, key=repr) == sorted((lazy_simple_texts(line.encode(), COLUMNS) for lines in files for line in lines), key=repr)


@given(FILE)
@settings(max_examples=60, deadline=None)
def test_open_csv(lake: TextLake, files: list[list[str]]) -> None:
    """The same under OpenCSVSerDe: what DuckDB cuts and what `cut_line` cuts come to the same."""
    rows = lake.read(SerdeName.OPEN_CSV, [_bytes(lines) for lines in files], ["string"] * COLUMNS, header=1)
    assert sorted(rows, key=repr) == sorted((_open_csv(line) for lines in files for line in lines), key=repr)


def test_a_large_file_is_cut_where_its_lines_end(lake: TextLake) -> None:
    """Lines that lie across the reader's buffers are whole, and read once, also with two threads."""
    cell = "é😀\\,"
    lines = [f"{number},{cell * (number % 97)},\\N" for number in range(150_000)]
    data = ("h\n" + "\n".join(lines) + "\n").encode()
    assert len(data) > 6 * LONGEST_LINE_BYTES
    sql = "SELECT count(*), sum(c0), sum(length(c1)), count(c2), count(distinct c0) FROM t"
    expected = (len(lines), sum(range(len(lines))), sum(3 * (number % 97) for number in range(len(lines))), 0, len(lines))
    assert lake.read(SerdeName.LAZY_SIMPLE, data, ["bigint", "string", "string"], header=1, sql=sql) == [expected]


def test_text_is_scanned_whole(lake: TextLake) -> None:
    """A query of one column counts the table's bytes, a join of the table with itself counts them twice, a refused one is none."""
    data = b"h\n" + b"1,two,three\n" * 3_000_000
    assert lake.read(SerdeName.LAZY_SIMPLE, data, ["bigint", "string", "string"], header=1, sql="SELECT sum(c0) FROM t") == [(3_000_000,)]
    assert lake.statistics.bytes_scanned == len(data)
    lake.read(SerdeName.LAZY_SIMPLE, data, ["bigint", "string", "string"], header=1, sql="SELECT (SELECT sum(c0) FROM t) + (SELECT max(c0) FROM t)")
    assert lake.statistics.bytes_scanned == 2 * len(data)


@pytest.mark.parametrize(("length", "fits"), [(LONGEST_LINE_BYTES, True), (LONGEST_LINE_BYTES + 1, False)])
def test_the_longest_line(lake: TextLake, length: int, *, fits: bool) -> None:
    """A line of the greatest length is read, a longer one is refused by name."""
    data = b"h\n" + b"x" * length + b"\ny\n"
    if fits:
        assert lake.read(SerdeName.LAZY_SIMPLE, data, ["string"], header=1, sql="SELECT max(length(c0)), count(*) FROM t") == [(length, 2)]
    else:
        with pytest.raises(UnsupportedOnEmbedded):
            lake.read(SerdeName.LAZY_SIMPLE, data, ["string"], header=1)


def _bytes(lines: list[str]) -> bytes:
    return b"header\n" + "".join(line + "\n" for line in lines).encode()


def _open_csv(line: str) -> tuple[str | None, ...]:
    cells = cut_line(line, ",", '"', "\\")[:COLUMNS] if line else []
    return tuple(cells + [None] * (COLUMNS - len(cells)))


def test_paths_stay_out_of_problems(lake: TextLake, tmp_path: Path) -> None:
    """What can't be read names no path of the machine."""
    with pytest.raises(UnsupportedOnEmbedded) as problem:
        lake.read(SerdeName.LAZY_SIMPLE, b"a\n\xff\n", ["string"])
    assert str(tmp_path.parent) not in problem.value.detail
    assert ".csv" not in problem.value.detail
