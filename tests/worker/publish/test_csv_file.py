"""A CSV table gives back every cell as it was, or is refused; and where it is refused, it would not have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.shared.catalog.serde import LONGEST_LINE_BYTES, SerdeName
from services.shared.errors import Problem
from services.shared.storage.folder import FolderStorage
from services.worker.publish.casts import Reading, arrow_type
from services.worker.publish.csv_file import CsvFormat
from services.worker.publish.table_file import WrittenFile
from services.worker.publish.targets import TableColumn, Target
from tests.query.serde.conftest import TextLake

HOSTILE = st.one_of(
    st.text(st.sampled_from('"\\,N \t;|é🦀\x00\x1f\ufeff\u2028\x85na0'), max_size=12),
    st.sampled_from(
        ["", "\\N", "NULL", "null", "\\", '"', '""', ",", " ", " a ", "a\\", '\\"', "\\,", "007", "1e3", "2020-01-01", "NaN", "\ufeff", "'"]
    ),
)
BREAKING = st.one_of(HOSTILE, HOSTILE, st.text(st.sampled_from("a,\n\r\\"), max_size=4))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": BREAKING,
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False),
    "decimal(38,20)": st.decimals(places=20, min_value=Decimal(-(10**17)), max_value=Decimal(10**17), allow_nan=False),
    "decimal(5,2)": st.decimals(places=2, min_value=-999, max_value=999, allow_nan=False),
    "boolean": st.booleans(),
    "date": st.dates(),
    "timestamp": st.datetimes().map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000, fold=0)),
}
TYPES = list(VALUES)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> TextLake:
    return TextLake(tmp_path_factory.mktemp("carried"))


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> FolderStorage:
    return FolderStorage(tmp_path_factory.mktemp("written"))


@st.composite
def typed_tables(draw: st.DrawFn) -> tuple[list[str], list[tuple[Any, ...]]]:
    types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=4))
    return types, draw(st.lists(st.tuples(*(st.one_of(st.none(), VALUES[kind]) for kind in types)), max_size=6))


@given(typed_tables())
@settings(max_examples=150, deadline=None)
def test_lazy_simple_gives_back_or_refuses(lake: TextLake, storage: FolderStorage, table: tuple[list[str], list[tuple[Any, ...]]]) -> None:
    """Types, NULL, the empty text, delimiters, escapes, blanks at the ends: equal cell by cell; refused exactly where the reading would differ."""
    _check(lake, storage, SerdeName.LAZY_SIMPLE, *table)


@given(st.integers(1, 3).flatmap(lambda width: st.lists(st.tuples(*(st.one_of(BREAKING, BREAKING, st.none()) for _ in range(width))), max_size=5)))
@settings(max_examples=150, deadline=None)
def test_open_csv_gives_back_or_refuses(lake: TextLake, storage: FolderStorage, rows: list[tuple[str | None, ...]]) -> None:
    """The same of tables of text under OpenCSVSerDe, which has no NULL."""
    _check(lake, storage, SerdeName.OPEN_CSV, ["string"] * (len(rows[0]) if rows else 1), rows)


@pytest.mark.parametrize(
    ("serde", "rows", "damaged"),
    [
        (SerdeName.LAZY_SIMPLE, [("a\nb", "c")], [("a", None), ("b", "c")]),
        (SerdeName.OPEN_CSV, [("a\nb", "c")], [(None, None), (None, None)]),
        (SerdeName.OPEN_CSV, [(None, "c")], [("", "c")]),
    ],
)
def test_the_damage_that_a_refusal_prevents(
    lake: TextLake, storage: FolderStorage, serde: SerdeName, rows: list[tuple[Any, ...]], damaged: list[tuple[Any, ...]]
) -> None:
    """Written all the same, a line break makes two records of one, and NULL comes back as the empty text."""
    table = _table(["string", "string"], rows)
    assert CsvFormat(serde).find_uncarried(table) is not None
    assert lake.read(serde, _written(storage, serde, table, ["string", "string"]), ["string", "string"], header=1) == damaged


def test_what_another_reading_makes_of_the_bytes(lake: TextLake, storage: FolderStorage) -> None:
    """The SerDe is part of the table: the same bytes under the other one are other values."""
    rows = [('say "hi"', "a,b"), ("C:\\temp", "x")]
    types = ["string", "string"]
    lazy, opened = (_written(storage, serde, _table(types, rows), types) for serde in SerdeName)
    assert lake.read(SerdeName.LAZY_SIMPLE, lazy, types, header=1) == rows
    assert lake.read(SerdeName.OPEN_CSV, opened, types, header=1) == rows
    assert lake.read(SerdeName.OPEN_CSV, lazy, types, header=1) != rows
    assert lake.read(SerdeName.LAZY_SIMPLE, opened, types, header=1) != rows


def test_the_first_offending_cell_is_named() -> None:
    """Of several, the one that comes first in the file, by row and then by column."""
    table = _table(["string", "bigint", "string"], [("ok", 1, "ok"), ("ok", None, "b\rad"), ("b\nad", 2, "b\nad")])
    found = CsvFormat(SerdeName.LAZY_SIMPLE).find_uncarried(table)
    assert found is not None
    assert (found.row, found.column) == (1, 2)
    assert "line break" in found.reason


def test_a_line_that_is_too_long_is_refused() -> None:
    """The longest line that the engine reads is the longest that is written; the largest cell of it is named."""
    cell = "x" * (LONGEST_LINE_BYTES // 2)
    lazy = CsvFormat(SerdeName.LAZY_SIMPLE)
    assert lazy.find_uncarried(_table(["string", "string"], [(cell, "y"), (cell, cell[2:])])) is None
    found = lazy.find_uncarried(_table(["string", "string"], [("x", "y"), (cell + "z", cell[2:])]))
    assert found is not None
    assert (found.row, found.column) == (1, 0)
    escaped = lazy.find_uncarried(_table(["string"], [("," * (LONGEST_LINE_BYTES // 2 + 1),)]))
    assert escaped is not None


def test_the_bytes_are_canonical(storage: FolderStorage) -> None:
    """UTF-8 without a mark, LF, one header line; plain numbers; column sizes add up to the file without its header."""
    types = ["bigint", "decimal(38,20)", "double", "boolean", "date", "timestamp", "string"]
    rows = [
        (1, Decimal("0.00000000000000000001"), float("inf"), True, date(1, 2, 3), datetime(2020, 1, 1, 0, 0, 0, 7000), "é,\\N"),
        (None, None, None, None, None, None, None),
    ]
    written, finished = _finished(storage, SerdeName.LAZY_SIMPLE, _table(types, rows), types)
    assert written == (
        b"c0,c1,c2,c3,c4,c5,c6\n"
        b"1,0.00000000000000000001,Infinity,true,0001-02-03,2020-01-01 00:00:00.007,\xc3\xa9\\,\\\\N\n"
        b"\\N,\\N,\\N,\\N,\\N,\\N,\\N\n"
    )
    assert sum(finished.column_bytes) == len(written) - len(b"c0,c1,c2,c3,c4,c5,c6\n")
    assert (finished.rows, finished.bytes) == (2, len(written))
    assert _written(storage, SerdeName.OPEN_CSV, _table(["string"], [('a "b" \\',), ("",)]), ["string"]) == b'c0\n"a ""b"" \\\\"\n""\n'


def _check(lake: TextLake, storage: FolderStorage, serde: SerdeName, types: list[str], rows: list[tuple[Any, ...]]) -> None:
    table = _table(types, rows)
    uncarried = CsvFormat(serde).find_uncarried(table)
    try:
        read: Any = lake.read(serde, _written(storage, serde, table, types), types, header=1)
    except Problem as problem:
        read = problem
    if uncarried is None:
        assert read == rows
        assert list(map(repr, read)) == list(map(repr, rows))
    else:
        assert read != rows, (uncarried, rows)


def _table(types: list[str], rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [() for _ in types]
    arrays = [pa.array(list(values), arrow_type(kind)) for values, kind in zip(columns, types, strict=True)]
    return pa.table(arrays, names=[f"c{n}" for n in range(len(types))])


def _written(storage: FolderStorage, serde: SerdeName, table: pa.Table, types: list[str]) -> bytes:
    return _finished(storage, serde, table, types)[0]


def _finished(storage: FolderStorage, serde: SerdeName, table: pa.Table, types: list[str]) -> tuple[bytes, WrittenFile]:
    targets = [
        Target(TableColumn(f"c{n}", kind, f"c{n}", ""), f"c{n}", Reading(kind), dictionary=False, normalised=0) for n, kind in enumerate(types)
    ]
    file = CsvFormat(serde).begin(storage, "a/part-00000.csv", targets)
    for chunk in _halves(table):
        file.write(chunk)
    finished = file.finish()
    return Path(storage.engine_location(finished.key)).read_bytes(), finished


def _halves(table: pa.Table) -> Iterator[pa.Table]:
    middle = table.num_rows // 2
    yield table.slice(0, middle)
    yield table.slice(middle)
