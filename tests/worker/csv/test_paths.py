"""However a file is cut, resumed and read, what is said about it is the same."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.worker.csv.cut import cut
from services.worker.csv.dialect import Dialect
from services.worker.csv.exact import Shape, read_exactly
from services.worker.csv.fast import read_fast
from services.worker.csv.grammar import Grammar
from tests.worker.csv.readings import limits, read_flat

CHUNKS = (1, 7, 1000, 8 << 20)

tokens = st.sampled_from(
    [b"a", b"0", b" ", b",", b",", b",", b'"', b'"', b'","', b'"\n"', b"\n", b"\n", b"\r\n", b"\r", b"\\", b"#", b";", "é".encode(), b"\xff", b"\0"]
)
soups = st.lists(tokens, max_size=60).map(b"".join)
cells = st.sampled_from([b"", b"a", b"12", b'""', b'"a,b"', b'"x\ny"', b'"q""q"', b'"r\r\nr"', b'5" pipe', "é".encode(), b"#1"])
records = st.lists(cells, min_size=3, max_size=3).map(b",".join)
tables = st.lists(st.one_of(records, records, records, soups.filter(lambda soup: len(soup) < 20)), max_size=20).map(b"\n".join)
dialects = st.builds(
    Dialect,
    quotechar=st.sampled_from(['"', '"', '"', None, "'"]),
    escapechar=st.sampled_from([None, None, "\\"]),
    delimiter=st.sampled_from([",", ",", ";", ", "]),
    lineterminator=st.sampled_from(["\n", "\r\n", "\r", "mixed"]),
    header=st.booleans(),
    skip_records=st.sampled_from([0, 0, 1]),
    comment=st.sampled_from([None, None, "#"]),
    comment_scope=st.sampled_from(["leading", "all"]),
    width=st.sampled_from([None, None, 3]),
)
max_records = st.sampled_from([64 << 20, 64 << 20, 9, 30])


@settings(max_examples=120, deadline=None)
@given(st.one_of(soups, tables), dialects, max_records)
@example(b'a,b\n1,"x\n2,y\n3,z\n', Dialect(), 64 << 20)
@example(b'a\r"\r\n"\r\n', Dialect(lineterminator="\r"), 64 << 20)
def test_every_chunk_size_and_both_paths_agree(data: bytes, dialect: Dialect, max_record: int) -> None:
    """Chunks of 1, 7 and 1,000 bytes and of 8 MiB, fast or exact: same rows, places, rejects, counts."""
    expected = read_flat(data, dialect, how=limits(fast=False, max_record=max_record))
    for chunk in CHUNKS:
        for fast in (True, False):
            assert read_flat(data, dialect, how=limits(chunk, fast=fast, max_record=max_record)) == expected
    assert expected.end == len(data)


@settings(max_examples=120, deadline=None)
@given(st.one_of(soups, tables), dialects, max_records, st.data())
def test_a_growing_file_reads_like_a_whole_one(data: bytes, dialect: Dialect, max_record: int, draw: st.DataObject) -> None:
    """Stopping anywhere, keeping nothing but the state as JSON, and going on gives what one go gives."""
    stops = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=4)))
    chunk = draw.draw(st.sampled_from(CHUNKS))
    whole = read_flat(data, dialect, how=limits(max_record=max_record))
    assert read_flat(data, dialect, how=limits(chunk, max_record=max_record), stops=stops) == whole


@settings(max_examples=120, deadline=None)
@given(tables, dialects)
def test_the_fast_path_reads_what_the_cut_vouches_for_exactly(data: bytes, dialect: Dialect) -> None:
    """On every run of records that the cut trusts, Arrow and the grammar give one answer."""
    grammar = Grammar(dialect, width=3, max_record_bytes=1 << 20)
    shape = Shape.of(["a", "b", "c"], None)
    found = cut(data, grammar, last=True)
    fast = read_fast(found, grammar, shape)
    exact = read_exactly(data[: found.end], grammar, shape, last=True).piece
    assert fast.size == exact.size == found.end
    assert fast.table.to_pylist() == exact.table.to_pylist()
    assert (fast.counts, fast.rejects, fast.rows.lines) == (exact.counts, exact.rejects, exact.rows.lines)
    assert fast.rows.starts.tolist() == exact.rows.starts.tolist()


@settings(max_examples=60, deadline=None)
@given(tables)
def test_a_choice_of_columns_changes_no_verdict(data: bytes) -> None:
    """Reading some columns gives those columns of the same rows, and the same rejects."""
    dialect = Dialect(header=False, width=3)
    whole = read_flat(data, dialect)
    some = read_flat(data, dialect, columns=["column_3", "column_1"])
    assert some.rows == [(row[2], row[0]) for row in whole.rows]
    assert (some.rejects, some.counts, some.places) == (whole.rejects, whole.counts, whole.places)
