from __future__ import annotations

import io
import math
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.query.exports.parquet import write_parquet
from services.query.exports.texts import StoredResult
from services.query.results import athena_texts, write_result
from services.shared.results import ResultColumn, ResultMeta, csv_key, index_key, meta_key, read_page
from tests.query.conftest import ROWS, Lake, items, page

_HARD = ["", '"', '""', "\n", "a,b", "\r\n", "🤦🏼‍♂️", "NULL", "\x00", '",\n"']
_TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(_HARD)
_MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda m: m.replace(microsecond=m.microsecond // 1000 * 1000))
_KINDS: dict[str, tuple[Any, Any]] = {
    "boolean": (pa.bool_(), st.booleans()),
    "int": (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "bigint": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "double": (pa.float64(), st.floats()),
    "float": (pa.float32(), st.floats(width=32)),
    "decimal(38,12)": (pa.decimal128(38, 12), st.decimals(-(10**20), 10**20, places=12)),
    "decimal(5,0)": (pa.decimal128(5, 0), st.integers(-99_999, 99_999).map(Decimal)),
    "string": (pa.string(), _TEXTS),
    "date": (pa.date32(), st.dates(date(1, 1, 1), date(9999, 12, 31))),
    "timestamp": (pa.timestamp("us"), _MOMENTS),
    "binary": (pa.binary(), st.binary()),
}  # fmt: skip


class Memory:
    """Objects in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    @contextmanager
    def open_write(self, key: str) -> Iterator[io.BytesIO]:
        stream = io.BytesIO()
        yield stream
        self.objects[key] = stream.getvalue()


def _cell(value: Any, kind: str) -> Any:
    match kind.split("(")[0]:
        case _ if value is None:
            return None
        case "float" if math.isfinite(value):
            return float(pa.array([value], pa.float32()).cast(pa.string())[0].as_py())
        case "double" | "float":
            return "NaN" if math.isnan(value) else value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"
        case "bigint":
            return str(value)
        case "decimal":
            return format(value, "f")
        case "date":
            return f"{value.year:04}-{value.month:02}-{value.day:02}"
        case "timestamp":
            return f"{value.year:04}-" + value.strftime("%m-%dT%H:%M:%S") + f".{value.microsecond // 1000:03}"
        case "binary":
            return value.hex(" ")
        case _:
            return value


@pytest.mark.parametrize("kind", _KINDS)
def test_every_value_comes_back(kind: str) -> None:
    """Whatever a column holds, the page's cells are its values: quotes, line breaks, emoji, NULL beside the empty text."""
    arrow, values = _KINDS[kind]

    @given(st.lists(st.none() | values, max_size=60))
    @settings(max_examples=40, deadline=None)
    def check(column: list[Any]) -> None:
        memory = Memory()
        batch = pa.RecordBatch.from_arrays([pa.array(column, arrow), pa.array(["x"] * len(column))], ["v", "w"])
        column = batch.column(0).to_pylist()
        meta = write_result(memory, "r/", [ResultColumn('v "1"', kind), ResultColumn("w", "string")], [batch.slice(0, 7), batch.slice(7)])
        assert ResultMeta.from_json(memory.objects[meta_key("r/")]) == meta
        stored = memory.objects[csv_key("r/")]
        assert (len(stored), meta.rows) == (meta.size, len(column))

        def open_range(begin: int, end: int) -> Any:
            return io.BytesIO(stored[begin:end])

        found = read_page(open_range, meta, memory.objects[index_key("r/")], start_row=0, limit=1000)
        assert [row[0] for row in found] == [_cell(v, kind) for v in column]
        assert [row[1] for row in found] == ["x"] * len(column)
        exported = io.BytesIO()
        write_parquet(StoredResult(io.BytesIO(stored), meta, memory.objects[index_key("r/")]), exported, report=lambda _: None)
        again = pq.read_table(io.BytesIO(exported.getvalue())).column(0).to_pylist()
        assert [_cell(v, kind) for v in again] == [_cell(v, kind) for v in column]

    check()


def test_the_csv_is_the_one_athena_writes() -> None:
    """A quoted header, quoted values with doubled quotes, a bare NULL, `""` for the empty text, line feeds."""
    memory = Memory()
    batch = pa.RecordBatch.from_arrays([pa.array([1, None]), pa.array(['a "b"', ""]), pa.array([True, None])], ["a", "b", "c"])
    write_result(memory, "r/", [ResultColumn("a", "bigint"), ResultColumn('b "x"', "string"), ResultColumn("c", "boolean")], [batch])
    assert memory.objects[csv_key("r/")] == b'"a","b ""x""","c"\n"1","a ""b""","true"\n,"",\n'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1.0, "1.0"), (1e10, "1.0E10"), (1e7, "1.0E7"), (9999999.0, "9999999.0"), (0.001, "0.001"), (0.0001, "1.0E-4"), (-1.5e-9, "-1.5E-9"),
        (123456789.125, "1.23456789125E8"), (5e-324, "4.9E-324"), (1.7976931348623157e308, "1.7976931348623157E308"), (0.0, "0.0"), (-0.0, "-0.0"),
        (math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"), (0.1 + 0.2, "0.30000000000000004"), (100.0, "100.0"),
    ],
)  # fmt: skip
def test_doubles_are_written_as_java_writes_them(value: float, written: str) -> None:
    """The form of Java's Double.toString: shortest digits, a point, an exponent outside 10^-3 to 10^7."""
    assert athena_texts(pa.array([value, 1.0]), "double").to_pylist()[0] in (written, "5.0E-324" if value == 5e-324 else written)


def test_nested_values_are_athenas_text() -> None:
    """Arrays, maps and rows become the text Athena writes, which is lossy."""
    arrays = pa.array([[1, None], [], None])
    maps = pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64()))
    rows = pa.array([{"x": 1, "y": "a"}])
    assert athena_texts(arrays, "array<bigint>").to_pylist() == ["[1, null]", "[]", None]
    assert athena_texts(maps, "map<string,bigint>").to_pylist() == ["{k=1}", "{}"]
    assert athena_texts(rows, "struct<x:bigint,y:string>").to_pylist() == ["{x=1, y=a}"]


def test_pages_by_the_index(run: Callable[..., Any], lake: Lake) -> None:
    """Pages from anywhere, across index entries and at the end, are the rows of the table in order."""
    meta, _ = run("select id, name from items order by id")
    names = items(ROWS).column("name").to_pylist()
    for start, limit in ((0, 1), (999, 2), (1000, 1000), (12_345, 2_500), (ROWS - 3, 10), (ROWS, 5), (ROWS + 5000, 5), (5, 0)):
        assert page(lake, meta, start, limit) == [[str(i), names[i]] for i in range(start, min(ROWS, start + limit))]
    assert (lake.root / "objects/results/1/result.index").stat().st_size == ROWS // 1000 * 8


def _export(lake: Lake, meta: ResultMeta) -> int:
    with lake.storage.open_read(index_key("results/1/")) as stored:
        index = stored.read()
    with lake.storage.open_read(csv_key("results/1/")) as source, (lake.root / "out.parquet").open("wb") as target:
        told: list[int] = []
        write_parquet(StoredResult(source, meta, index), target, report=told.append)
    return told[-1]


def test_a_result_becomes_parquet_with_its_types(run: Callable[..., Any], lake: Lake) -> None:
    """The export holds the table's own values and types."""
    meta, _ = run("select * from items order by id")
    assert _export(lake, meta) == ROWS
    exported = pq.read_table(lake.root / "out.parquet")
    assert exported.equals(items(ROWS).cast(exported.schema))
    assert [str(f.type) for f in exported.schema] == ["int64", "string", "decimal128(12, 2)", "double", "date32[day]", "timestamp[ms]"]


def test_memory_does_not_grow_with_the_result(run: Callable[..., Any], lake: Lake) -> None:
    """Ten times the rows need no tenth more memory: batches pass through."""
    run("select * from items")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    meta, _ = run("select a.* from items a cross join (values 1, 2, 3, 4, 5, 6, 7, 8, 9, 10) as v(n)")
    assert meta.rows == ROWS * 10
    assert _export(lake, meta) == ROWS * 10
    assert page(lake, meta, ROWS * 9, 1)[0] is not None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120 * 1024


def test_old_dates_keep_four_digits() -> None:
    """A year before 1000 is written with leading zeros."""
    assert athena_texts(pa.array([date(7, 1, 2)]), "date").to_pylist() == ["0007-01-02"]
    moment = datetime(2020, 1, 1) + timedelta(microseconds=1999)
    assert athena_texts(pa.array([moment], pa.timestamp("us")), "timestamp").to_pylist() == ["2020-01-01 00:00:00.001"]
