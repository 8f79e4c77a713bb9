"""Workbooks, as openpyxl reads them: typed cells, no digit lost, nothing evaluated."""

from __future__ import annotations

import io
import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zipfile import ZipFile

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.query.exports.xlsx import MAX_COLUMNS, MAX_ROWS, plan_sheets
from services.shared.errors import SpreadsheetLimit
from services.shared.results import ResultColumn, ResultMeta
from tests.query.exports.results import Columns, sheets, texts, workbook

_HARD = [
    "_x0041_",
    "_x005F_x0041_",
    "\r\n",
    "\x00",
    "\ufffe",
    " a ",
    "&lt;",
    "<b>",
    "=1+1",
    "http://a.example",
    "00123",
    "1e5",
    "TRUE",
    "'",
    "\n",
    "\t",
]
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.sampled_from(_HARD)
_MOMENTS = st.datetimes(datetime(1900, 3, 1), datetime(9999, 12, 31)).map(lambda m: m.replace(microsecond=m.microsecond // 1000 * 1000))


def rows(columns: Columns, *, safe: bool = False) -> list[list[Any]]:
    """Return the rows of the one sheet below its header."""
    (found,) = sheets(workbook(columns, safe=safe)).values()
    return found[1:]


def test_values_have_their_types() -> None:
    """Numbers are numbers, booleans booleans, dates dates, NULL no cell, and what a spreadsheet can't hold exactly is text."""
    prices = [Decimal("1.5"), Decimal("0.1234567890123456"), Decimal("-123456789012345")]
    found = rows(
        [
            ("flag", "boolean", pa.array([True, False, None])),
            ("small", "int", pa.array([-7, 0, None], pa.int32())),
            ("large", "bigint", pa.array([999999999999999, 9007199254740993, 10**18])),
            ("price", "decimal(38,18)", pa.array(prices, pa.decimal128(38, 18))),
            ("ratio", "double", pa.array([0.1 + 0.2, math.nan, 5e-324])),
            ("rate", "float", pa.array([0.1, -math.inf, None], pa.float32())),
            ("day", "date", pa.array([date(1900, 3, 1), date(1900, 2, 28), date(9999, 12, 31)])),
            ("at", "timestamp", pa.array([datetime(2026, 1, 2, 3, 4, 5, 6000), datetime(1, 1, 1), None], pa.timestamp("ms"))),
            ("zoned", "timestamp with time zone", pa.array([datetime(2026, 1, 2, 3, 4, 5), None, None], pa.timestamp("ms"))),
            ("id", "string", pa.array(["00123", "", None])),
            ("many", "array<int>", pa.array([[1, None], [], None])),
        ]
    )
    moment = datetime(2026, 1, 2, 3, 4, 5)
    assert found == [
        [True, -7, 999999999999999, 1.5, 0.1 + 0.2, 0.1, datetime(1900, 3, 1), moment + timedelta(milliseconds=6), moment, "00123", "[1, null]"],
        [False, 0, "9007199254740993", "0.123456789012345600", "NaN", "-Infinity", "1900-02-28", "0001-01-01 00:00:00.000", None, "", "[]"],
        [None, None, 10**18, -123456789012345, "5.0E-324", None, datetime(9999, 12, 31), None, None, None, None],
    ]
    assert [type(value) for value in found[0][:3]] == [bool, int, int]


def test_the_sheet_is_ready_to_use() -> None:
    """The header is bold, frozen and filters all rows; formats show decimals, dates and milliseconds; text columns stay text."""
    moment = pa.array([datetime(2026, 1, 2)] * 3, pa.timestamp("ms"))
    values: dict[str, Any] = {
        "bigint": pa.array([1, 2, 3]),
        "decimal(9,2)": pa.array([Decimal("1.50")] * 3),
        "date": pa.array([date(2026, 1, 2)] * 3),
        "timestamp": moment,
        "timestamp with time zone": moment,
        "string": pa.array(["x"] * 3),
        "double": pa.array([1.5] * 3),
    }
    book = openpyxl.load_workbook(io.BytesIO(workbook([(kind, kind, column) for kind, column in values.items()])))
    (sheet,) = book.worksheets
    assert (sheet.title, sheet.freeze_panes, sheet.auto_filter.ref, sheet.dimensions) == ("Result", "A2", "A1:G4", "A1:G4")
    assert [cell.value for cell in sheet[1]] == list(values)
    assert all(cell.font.bold for cell in sheet[1])
    formats = [sheet.cell(2, column).number_format for column in range(1, 8)]
    assert formats == ["0", "0.00", "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss.000", 'yyyy-mm-dd hh:mm:ss.000" UTC"', "@", "General"]
    assert sheet.column_dimensions["D"].width > 20
    assert book.properties.created == datetime(2026, 2, 3, 4, 5, 6)


@given(st.lists(st.none() | _TEXTS, max_size=20), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@settings(max_examples=60, deadline=None)
def test_every_text_comes_back(values: list[str | None], name: str) -> None:
    """Characters that XML can't hold, escapes, markup, blanks at the ends, line breaks: the text is the same, and so is the header's."""
    (found,) = sheets(workbook([texts(name, values), texts("z", ["z"] * len(values))])).values()
    assert found == [[name, "z"], *([value, "z"] for value in values)]


@given(st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False), st.integers(-(2**63), 2**63 - 1), _MOMENTS)))
@settings(max_examples=60, deadline=None)
def test_every_number_comes_back(values: list[tuple[float, int, datetime]]) -> None:
    """A double has all its digits, an integer is exact as number or text, a moment exact to the millisecond."""
    columns = [
        ("f", "double", pa.array([f for f, _, _ in values], pa.float64())),
        ("i", "bigint", pa.array([i for _, i, _ in values], pa.int64())),
        ("m", "timestamp", pa.array([m for _, _, m in values], pa.timestamp("ms"))),
    ]
    assert [(float(f), int(i), m) for f, i, m in rows(columns)] == values


def test_nothing_is_a_formula_or_a_link() -> None:
    """Texts are inline strings, whatever they look like: the file has no formula and no link."""
    data = workbook([texts("a", ["=1+1", "http://a.example", "mailto:a@a.example", "{=SUM(A1)}", "+1", "@a", "1", "#REF!"])])
    with ZipFile(io.BytesIO(data)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        assert not [name for name in archive.namelist() if "calc" in name or "external" in name or "sheet1.xml.rels" in name]
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert sheet.count('t="inlineStr"') == 8


def test_a_new_sheet_begins_where_one_is_full() -> None:
    """Above 1,048,576 rows, header included, the rest is on another sheet under the same header."""
    count = MAX_ROWS + 4
    with ZipFile(io.BytesIO(workbook([("n", "int", pa.array(range(count), pa.int32()))]))) as archive:
        first, second = (archive.read(f"xl/worksheets/sheet{number}.xml").decode() for number in (1, 2))
    assert (first.count("<row "), second.count("<row ")) == (MAX_ROWS, 1 + 5)
    assert f'<c r="A{MAX_ROWS}" s="2"><v>{MAX_ROWS - 2}</v></c></row></sheetData><autoFilter ref="A1:A{MAX_ROWS}"/>' in first
    assert '<dimension ref="A1:A6"/>' in second
    assert '<row r="1" spans="1:1"><c r="A1" s="1" t="s"><v>0</v></c></row>' in second
    assert f'<row r="2"><c r="A2" s="2"><v>{MAX_ROWS - 1}</v></c></row>' in second
    assert second.count(f"<v>{count - 1}</v></c></row></sheetData>") == 1


def test_sheets_keep_below_what_a_package_holds() -> None:
    """Rows that are wide make more sheets, so that no part of the file needs more than 2 GB."""
    columns = tuple(ResultColumn(f"c{n}", "string") for n in range(100))
    planned = plan_sheets(ResultMeta(columns, 3_000_000, 3_000_000 * 2000))
    assert sum(planned) == 3_000_000
    assert max(planned) * (2 * 2000 + 100 * 60) < 1 << 31
    assert plan_sheets(ResultMeta(columns, 0, 900)) == [0]


def test_no_rows_are_an_empty_sheet() -> None:
    """A result without rows is a sheet with its header."""
    assert sheets(workbook([texts("a", [])])) == {"Result": [["a"]]}


def test_limits_are_named() -> None:
    """More columns or longer texts than a spreadsheet has are refused with the place and the way out; the longest that fits is there."""
    with pytest.raises(SpreadsheetLimit, match=r"16385 columns.*csv or parquet"):
        workbook([texts(f"c{n}", []) for n in range(MAX_COLUMNS + 1)])
    fits = ["x" * 32_767, "🦀" * 16_383]
    assert rows([texts("a", fits)]) == [[text] for text in fits]
    with pytest.raises(SpreadsheetLimit, match=r'Row 1502 of the column "note" has a text of 32768 characters.*csv, jsonl or parquet'):
        workbook([texts("n", ["x"] * 2000), texts("note", [*["x"] * 1501, "🦀" * 16_384, *["x"] * 498])])
    with pytest.raises(SpreadsheetLimit, match="32768"):
        workbook([texts("a", ["=" + "x" * 32_766])], safe=True)
    with pytest.raises(SpreadsheetLimit, match="SELECT … AS name"):
        workbook([texts("x" * 32_768, [])])


def test_the_same_result_makes_the_same_bytes() -> None:
    """Made twice, the file is the same, so its ETag may be strong."""
    columns = [texts("a", ["x", None]), ("d", "double", pa.array([1.5, None]))]
    assert workbook(columns) == workbook(columns)
