"""JSON Lines: an object a row, every value as a page of the result has it."""

from __future__ import annotations

import json
import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from services.query.exports.jsonl import write_jsonl
from services.query.exports.names import unique_names
from services.query.exports.parquet import write_parquet
from tests.query.exports.results import Columns, texts, written

_HARD = ['"', "\\", "\n", "\r\n", "\x00", "\u2028", "null", "🦀", "{}", "\x1f\x7f"]
_TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(_HARD)


def _objects(columns: Columns) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written(write_jsonl, columns).decode().split("\n")[:-1]]


def test_values_are_written_by_their_columns_type() -> None:
    """bigint and decimal are strings, smaller integers and doubles numbers, NaN and the infinities strings, NULL null and `""` the empty text."""
    columns = [
        ("flag", "boolean", pa.array([True, None])),
        ("small", "int", pa.array([-7, None], pa.int32())),
        ("large", "bigint", pa.array([9007199254740993, None])),
        ("price", "decimal(20,2)", pa.array([Decimal("123456789012345678.90"), None])),
        ("ratio", "double", pa.array([1e300, math.nan])),
        ("rate", "float", pa.array([math.inf, -math.inf], pa.float32())),
        ("day", "date", pa.array([date(7, 1, 2), None])),
        ("at", "timestamp", pa.array([datetime(2026, 1, 2, 3, 4, 5, 6000), None], pa.timestamp("ms"))),
        ("zoned", "timestamp with time zone", pa.array([datetime(2026, 1, 2, 3, 4, 5), None], pa.timestamp("ms"))),
        ("name", "string", pa.array(["", None])),
        ("bytes", "varbinary", pa.array([b"\x01\xff", None])),
        ("many", "array<int>", pa.array([[1, None], []])),
    ]
    assert _objects(columns) == [
        {
            "flag": True, "small": -7, "large": "9007199254740993", "price": "123456789012345678.90", "ratio": 1e300, "rate": "Infinity",
            "day": "0007-01-02", "at": "2026-01-02T03:04:05.006", "zoned": "2026-01-02T03:04:05.000Z",
            "name": "", "bytes": "01 ff", "many": "[1, null]",
        },
        {
            "flag": None, "small": None, "large": None, "price": None, "ratio": "NaN", "rate": "-Infinity",
            "day": None, "at": None, "zoned": None, "name": None, "bytes": None, "many": "[]",
        },
    ]  # fmt: skip


@given(st.lists(st.tuples(st.none() | _TEXTS, st.none() | st.floats()), max_size=30), _TEXTS.filter(lambda name: name != "f"))
@settings(max_examples=60, deadline=None)
def test_every_text_comes_back(rows: list[tuple[str | None, float | None]], name: str) -> None:
    """Whatever texts, names and doubles hold, a JSON reader gets exactly them."""
    found = _objects([texts(name, [text for text, _ in rows]), ("f", "double", pa.array([number for _, number in rows], pa.float64()))])
    assert [row[name] for row in found] == [text for text, _ in rows]
    assert [row["f"] if row["f"] is None else float(row["f"]).hex() for row in found] == [n if n is None else float(n).hex() for _, n in rows]


def test_no_rows_are_no_lines() -> None:
    """A result without rows is an empty file."""
    assert written(write_jsonl, [texts("a", [])]) == b""


def test_no_column_is_lost_to_its_name() -> None:
    """Columns of one name get `_2`, `_3` …, and no name that another column has."""
    assert unique_names(["a", "a", "b", "a"]) == ["a", "a_2", "b", "a_3"]
    assert unique_names(["a", "a_2", "a", "a_2", "a"]) == ["a", "a_2", "a_3", "a_2_2", "a_4"]
    twice = [texts("a", ["1"]), texts("a", ["2"]), texts("a_2", ["3"])]
    assert _objects(twice) == [{"a": "1", "a_3": "2", "a_2": "3"}]
    assert pq.read_table(pa.BufferReader(written(write_parquet, twice))).to_pylist() == [{"a": "1", "a_3": "2", "a_2": "3"}]
