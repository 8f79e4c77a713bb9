"""TPC-H from CSV to downloaded answers, every figure held against a direct read of the files."""

from __future__ import annotations

import csv
import json
import subprocess
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.e2e import memory, tpch
from tests.stack import Stack


def test_small(stack: Stack, tmp_path: Path) -> None:
    """Eight tables of some megabytes, and the benchmark's 22 questions."""
    paths = go_through(stack, tmp_path, scale=0.01, suffix="", timeout_s=60)
    with tpch.open_oracle(paths, tmp_path / "spill") as oracle:
        wrong = [path.stem for path in tpch.BENCHMARK if not tpch.same(stack.rows(path.read_text()), oracle.execute(path.read_text()).fetchall())]
    assert len(tpch.BENCHMARK) == 22
    assert wrong == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_large(stack: Stack, tmp_path: Path) -> None:
    """A `lineitem` of more than a gigabyte, within the memory that is promised."""
    with memory.watched(stack) as peaks:
        paths = go_through(stack, tmp_path, scale=1.5, suffix="_large", timeout_s=1200)
    print(peaks.table())
    assert paths["lineitem"].stat().st_size >= 1_000_000_000
    assert peaks.samples > 100
    assert peaks.too_large() == {}, peaks.table()


def go_through(stack: Stack, folder: Path, *, scale: float, suffix: str, timeout_s: float) -> dict[str, Path]:
    """Upload, profile, publish, ask and download; return the files."""
    paths = tpch.generate(folder / "tables", scale=scale)
    uploads = {table: curl(stack, path) for table, path in paths.items()}
    with tpch.open_oracle(paths, folder / "spill") as oracle:
        for table, upload in uploads.items():
            job = stack.profile(upload["id"], timeout_s=timeout_s)
            assert job["state"] == "succeeded", job
            check_profile(stack.http.get(f"/v1/uploads/{upload['id']}/profile").json(), oracle, table, paths[table])
        publish_all(stack, uploads, suffix, timeout_s)
        for table in uploads:
            check_receipt(stack.http.get(f"/v1/datasets/{table}{suffix}/receipt").json(), oracle, table)
        for question in tpch.QUESTIONS:
            check_answer(stack, oracle, question, folder, suffix=suffix, timeout_s=timeout_s)
        check_whole_table(stack, oracle, folder, suffix=suffix, timeout_s=timeout_s)
    return paths


def curl(stack: Stack, path: Path) -> dict[str, Any]:
    """Upload a file as a script does."""
    command = ["curl", "-sS", "--fail-with-body", "-X", "POST", "-T", str(path), f"{stack.url}/v1/uploads?filename={path.name}"]
    answer = subprocess.run(command, check=True, capture_output=True, timeout=600)
    upload = json.loads(answer.stdout)
    assert (upload["state"], upload["size"]) == ("complete", path.stat().st_size)
    return dict(upload)


def publish_all(stack: Stack, uploads: dict[str, dict[str, Any]], suffix: str, timeout_s: float) -> None:
    """Publish every table and wait for the last."""
    jobs = []
    for table, upload in uploads.items():
        answer = stack.http.post("/v1/datasets", json={"upload_id": upload["id"], "name": f"{table}{suffix}", "max_reject_ratio": 0})
        assert answer.status_code == 202, answer.text
        jobs.append(answer.headers["Location"])
    for job in jobs:
        ended = stack.wait(job, timeout_s=timeout_s)
        assert ended["state"] == "succeeded", ended


def check_profile(profile: dict[str, Any], oracle: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    """Records, types, nulls, least and greatest are those of the file."""
    records = count(oracle, table)
    assert (profile["records"], profile["header_records"], profile["rejected_records"]) == (records, 1, 0)
    assert profile["bytes"] == path.stat().st_size
    assert [column["source_name"] for column in profile["columns"]] == list(tpch.TYPES[table])
    for column in profile["columns"]:
        name = column["source_name"]
        assert column["type"].split("(")[0] == tpch.athena_kind(tpch.TYPES[table][name])
        nulls, least, greatest = figures(oracle, table, name, "count(*) - count({0}), min({0}), max({0})")
        assert (column["nulls"], parsed(column["min"], column["type"]), parsed(column["max"], column["type"])) == (nulls, least, greatest), name
        assert column["casts"][column["type"]]["fails"] == 0 if column["type"] in column["casts"] else True
        distinct = figures(oracle, table, name, "count(DISTINCT {0})")[0]
        assert abs(column["distinct"] - distinct) <= (0 if column["distinct_is_exact"] else 0.05 * distinct), name


def check_receipt(receipt: dict[str, Any], oracle: duckdb.DuckDBPyConnection, table: str) -> None:
    """Every record is in the table, and each column's sum is the file's."""
    records = count(oracle, table)
    assert receipt["balanced"] is True
    assert (receipt["published_rows"], receipt["catalog_rows"], receipt["rejected_records"]) == (records, records, 0)
    for column in receipt["columns"]:
        assert column["equal"], column
        kind = tpch.TYPES[table][column["name"]]
        aggregate = {"VARCHAR": "sum(length({0}))", "DATE": "sum({0} - DATE '1970-01-01')"}.get(kind, "sum({0})")
        total = figures(oracle, table, column["name"], aggregate)[0]
        assert Decimal(column["sum_in"]) == Decimal(column["sum_out"]) == total, column


def check_answer(stack: Stack, oracle: duckdb.DuckDBPyConnection, question: tpch.Question, folder: Path, *, suffix: str, timeout_s: float) -> None:
    """The page, the CSV and the Parquet file hold what the files themselves answer."""
    wanted = tpch.expected(oracle, question)
    assert wanted, question.name
    query = stack.query(named(question.athena, suffix), timeout_s=timeout_s)
    assert query["state"] == "succeeded", query
    page = stack.http.get(f"/v1/queries/{query['id']}/results").json()
    kinds = [column["type"] for column in page["columns"]]
    assert page["total_rows"] == len(wanted)
    assert [row_of(row, kinds) for row in page["rows"]] == wanted, question.name
    with download(stack, query["id"], "csv", folder / "answer.csv", timeout_s).open(newline="") as file:
        lines = list(csv.reader(file))
    assert [row_of([cell or None for cell in line], kinds) for line in lines[1:]] == wanted, question.name
    columns = pq.read_table(download(stack, query["id"], "parquet", folder / "answer.parquet", timeout_s)).columns
    assert list(zip(*(column.to_pylist() for column in columns), strict=True)) == wanted, question.name


def check_whole_table(stack: Stack, oracle: duckdb.DuckDBPyConnection, folder: Path, *, suffix: str, timeout_s: float) -> None:
    """A result as large as a table comes down cell by cell, in both forms."""
    query = stack.query(f"SELECT * FROM orders{suffix}", timeout_s=timeout_s)
    assert query["state"] == "succeeded", query
    records = count(oracle, "orders")
    assert query["statistics"]["rows"] == records
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in tpch.TYPES["orders"].items())
    whole = download(stack, query["id"], "csv", folder / "orders.csv", timeout_s)
    read = f"read_csv('{whole}', columns = {{{columns}}}, header = true, delim = ',', quote = '\"', escape = '\"', auto_detect = false)"
    assert oracle.execute(f"SELECT count(*) FROM (SELECT * FROM {read} EXCEPT ALL SELECT * FROM orders)").fetchall() == [(0,)]
    assert oracle.execute(f"SELECT count(*) FROM {read}").fetchall() == [(records,)]
    parquet = download(stack, query["id"], "parquet", folder / "orders.parquet", timeout_s)
    assert oracle.execute(f"SELECT count(*) FROM (SELECT * FROM '{parquet}' EXCEPT ALL SELECT * FROM orders)").fetchall() == [(0,)]
    assert oracle.execute(f"SELECT count(*) FROM '{parquet}'").fetchall() == [(records,)]


def download(stack: Stack, query_id: str, form: str, target: Path, timeout_s: float) -> Path:
    """Fetch a result, once it is made."""
    path = f"/v1/queries/{query_id}/download?format={form}"
    if form != "csv":
        made = stack.http.get(path)
        assert made.status_code == 202, made.text
        export = stack.wait(made.headers["Location"], timeout_s=timeout_s)
        assert export["state"] == "succeeded", export
    subprocess.run(["curl", "-sS", "--fail", "-o", str(target), f"{stack.url}{path}"], check=True, timeout=timeout_s)
    return target


def named(sql: str, suffix: str) -> str:
    """Return the question with the names that the tables have here."""
    for table in tpch.TYPES:
        for before in ("FROM ", "JOIN ", ", "):
            for after in (" ", ",", "\n"):
                sql = sql.replace(f"{before}{table}{after}", f"{before}{table}{suffix}{after}")
    return sql


def row_of(row: list[Any], kinds: list[str]) -> tuple[Any, ...]:
    """Return a row's cells as Python's values."""
    return tuple(parsed(cell, kind) for cell, kind in zip(row, kinds, strict=True))


def parsed(cell: Any, kind: str) -> Any:
    """Return a cell of an Athena type as Python's value."""
    if cell is None:
        return None
    match kind.split("(")[0]:
        case "bigint" | "integer":
            return int(cell)
        case "decimal":
            return Decimal(cell)
        case "date":
            return date.fromisoformat(cell)
        case "string" | "varchar":
            return cell
    raise AssertionError(f"{kind} is none of this benchmark's types")


def count(oracle: duckdb.DuckDBPyConnection, table: str) -> int:
    """Return how many rows the file has."""
    return int(oracle.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def figures(oracle: duckdb.DuckDBPyConnection, table: str, column: str, wanted: str) -> tuple[Any, ...]:
    """Return aggregates of a column of the file."""
    return tuple(oracle.execute(f"SELECT {wanted.format(column)} FROM {table}").fetchall()[0])
