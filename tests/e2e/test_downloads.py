"""One result downloaded in all its forms from the running product, compared with the file it came from, cell by cell."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest

from tests.stack import Stack

SOURCE = (
    "id,name,price,ratio,paid,day,at,zip\n"
    '1,"Ann ""A."", x",1.50,0.1,true,2024-02-29,2024-02-29T12:30:00.123,02000\n'
    "9007199254740993,\"=cmd|'/C calc'!A0\",22.75,-2.5,false,1850-03-01,1850-01-01T00:00:00,10115\n"
    '-3,"two\nlines <&>",,,,,,"00001"\n'
    '4,"-5",0.01,1e300,true,1970-01-01,1969-12-31T23:59:59,""\n'
)
SQL = "SELECT id, name, price, ratio, paid, day, at, zip FROM forms ORDER BY position"
NAMES = ["id", "name", "price", "ratio", "paid", "day", "at", "zip"]


@pytest.fixture(scope="module")
def source() -> list[list[str | None]]:
    """The file's cells in order; an unquoted empty one is NULL."""
    return [
        ["1", 'Ann "A.", x', "1.50", "0.1", "true", "2024-02-29", "2024-02-29 12:30:00.123", "02000"],
        ["9007199254740993", "=cmd|'/C calc'!A0", "22.75", "-2.5", "false", "1850-03-01", "1850-01-01 00:00:00.000", "10115"],
        ["-3", "two\nlines <&>", None, None, None, None, None, "00001"],
        ["4", "-5", "0.01", "1.0E300", "true", "1970-01-01", "1969-12-31 23:59:59.000", ""],
    ]


@pytest.fixture(scope="module")
def query(stack: Stack) -> dict[str, Any]:
    """The published file, asked for in its order."""
    header, *lines = SOURCE.replace("two\nlines", "two\x00lines").splitlines()
    numbered = "\n".join([f"position,{header}", *(f"{number},{line}" for number, line in enumerate(lines))]).replace("\x00", "\n") + "\n"
    upload = stack.upload_bytes(numbered.encode(), "forms.csv")
    assert stack.profile(upload["id"])["state"] == "succeeded"
    job = stack.publish(upload["id"], "forms")
    assert job["state"] == "succeeded", job
    query = stack.query(SQL)
    assert query["state"] == "succeeded", query
    return query


def download(stack: Stack, query: dict[str, Any], **form: str) -> bytes:
    """Have a form made and take it."""
    path = f"/v1/queries/{query['id']}/download"
    first = stack.http.get(path, params=form)
    if first.status_code == 202:
        job = stack.wait(first.headers["Location"])
        assert job["state"] == "succeeded", job
    answer = stack.http.get(path, params=form)
    assert answer.status_code == 200, answer.text
    return answer.content


def test_csv_exact_and_safe(stack: Stack, query: dict[str, Any], source: list[list[str | None]]) -> None:
    """The exact form is the source's cells; the safe one differs by one apostrophe."""
    for form, formula in (({"format": "csv"}, ""), ({"format": "csv", "safe": "spreadsheet"}, "'")):
        header, *rows = csv.reader(io.StringIO(download(stack, query, **form).decode(), newline=""))
        assert header == NAMES
        assert rows == [[formula + cell if cell and cell[0] == "=" else cell or "" for cell in row] for row in source]


def test_jsonl(stack: Stack, query: dict[str, Any], source: list[list[str | None]]) -> None:
    """Every cell is the source's, by its column's type."""

    def typed(name: str, cell: str | None) -> Any:
        match name:
            case _ if cell is None:
                return None
            case "ratio":
                return float(cell)
            case "paid":
                return cell == "true"
            case "at":
                return cell.replace(" ", "T")
            case _:
                return cell

    found = [json.loads(line) for line in download(stack, query, format="jsonl").decode().splitlines()]
    assert found == [{name: typed(name, cell) for name, cell in zip(NAMES, row, strict=True)} for row in source]


def test_parquet(stack: Stack, query: dict[str, Any], source: list[list[str | None]]) -> None:
    """Every cell is the source's, typed."""
    read = {"id": int, "price": Decimal, "ratio": float, "paid": "true".__eq__, "day": date.fromisoformat, "at": datetime.fromisoformat}
    found = pq.read_table(io.BytesIO(download(stack, query, format="parquet"))).to_pylist()
    assert found == [
        {name: None if cell is None else read.get(name, str)(cell) for name, cell in zip(NAMES, row, strict=True)}  # type: ignore[operator]
        for row in source
    ]


def test_xlsx_exact_and_safe(stack: Stack, query: dict[str, Any], source: list[list[str | None]]) -> None:
    """Every cell is the source's: numbers, dates, texts; what a spreadsheet can't hold is text; the safe form differs by one apostrophe."""

    def typed(name: str, cell: str | None, formula: str) -> Any:
        match name:
            case _ if cell is None:
                return None
            case "id" | "price" | "ratio":
                return float(cell) if cell != "9007199254740993" else cell
            case "paid":
                return cell == "true"
            case "day" | "at":
                return datetime.fromisoformat(cell) if cell > "1900-03" else cell
            case _:
                return formula + cell if cell.startswith("=") else cell

    for safe, formula in (({}, ""), ({"safe": "spreadsheet"}, "'")):
        book = openpyxl.load_workbook(io.BytesIO(download(stack, query, format="xlsx", **safe)))
        header, *rows = book.worksheets[0].iter_rows(values_only=True)
        assert list(header) == NAMES
        assert [list(row) for row in rows] == [[typed(n, cell, formula) for n, cell in zip(NAMES, row, strict=True)] for row in source]
