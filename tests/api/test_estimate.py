"""Estimates over HTTP: what a statement reads, in the users' own words, and the most bytes that it can scan."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from tests.api.house import House, code

_NUMBERS = count()


@pytest.fixture
def table(api: House) -> str:
    """A dataset of two rows, of the test's own."""
    return published(api, b"a,b\n1,x\n2,y\n")


def published(api: House, data: bytes, **more: Any) -> str:
    name = f"estimated_{next(_NUMBERS)}"
    assert api.publish(api.profiled(data)["id"], name, **more)["state"] == "succeeded"
    return name


def estimate(api: House, sql: str) -> dict[str, Any]:
    answer = api.http.post("/v1/queries/estimate", json={"sql": sql})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_an_estimate(api: House, table: str) -> None:
    """It names tables, columns and kind, runs nothing, and refuses what a query would refuse."""
    before = api.get("/v1/queries")["items"]
    found = api.http.post(
        "/v1/queries/estimate", json={"sql": f"SELECT x.a FROM {table} x JOIN {table} y ON x.a = y.a WHERE y.b = ?", "parameters": ["x"]}
    )
    assert found.json() == {
        "statement": "select", "tables": [f"headwater.{table}"], "columns": [f"headwater.{table}.a", f"headwater.{table}.b"],
        "bytes_bound": 10_000_000, "bound_kind": "exact_scan", "cost_bound_usd": 0.0,
    }  # fmt: skip
    nothing = api.http.post("/v1/queries/estimate", json={"sql": "SELECT 1"}).json()
    assert (nothing["bytes_bound"], nothing["bound_kind"]) == (0, "exact_scan")
    assert api.http.post("/v1/queries/estimate", json={"sql": "SHOW TABLES"}).json()["statement"] == "show"
    for sql, status, word in (
        ("DROP TABLE x", 403, "statement_not_allowed"),
        ("SELECT * FROM nowhere", 422, "table_not_found"),
        ("SELEKT", 422, "sql_syntax"),
    ):
        answer = code(api.http.post("/v1/queries/estimate", json={"sql": sql}))
        assert answer == (status, word)
    assert code(api.http.post("/v1/queries/estimate", json={"sql": "SELECT 1", "database": "nowhere"})) == (404, "database_not_found")
    assert api.get("/v1/queries")["items"] == before


def test_a_partitioned_dataset_goes_by_its_name(api: House) -> None:
    """The table behind its view is nobody's: the estimate names the dataset, its keys and columns, however it is reached."""
    name = published(api, b"country,day,n\nDE,2020-01-01,1\nFR,2021-01-01,2\n", partition_by=["country", "year(day)"])
    for sql in (
        f"SELECT sum(n) FROM {name} WHERE country = 'DE' AND day_year = 2020",
        f"WITH x AS (SELECT * FROM headwater.{name}) SELECT sum(x.n) FROM x JOIN {name} y USING (country) WHERE y.day_year = 2020",
    ):
        found = estimate(api, sql)
        assert found["tables"] == [f"headwater.{name}"]
        assert found["columns"] == [f"headwater.{name}.{column}" for column in ("country", "day_year", "n")]
        assert found["bound_kind"] == "exact_scan"


def test_a_csv_dataset_is_read_whole(api: House) -> None:
    """Whatever columns are asked for, each naming of the table may read all its bytes, and no query reads more."""
    line = b"%d," + b"some words of a line " * 5 + b"\n"
    name = published(api, b"n,words\n" + b"".join(line % n for n in range(100_000)), format="csv")
    size = api.get(f"/v1/datasets/{name}")["bytes"]
    assert size > 10_000_000, "or the least that is charged would hide it"
    once, twice = estimate(api, f"SELECT max(n) FROM {name}"), estimate(api, f"SELECT max(x.n) FROM {name} x JOIN {name} y ON x.n = y.n")
    assert (once["bytes_bound"], once["bound_kind"], once["columns"]) == (size, "whole_table", [f"headwater.{name}.n"])
    assert (twice["bytes_bound"], twice["bound_kind"]) == (2 * size, "whole_table")
    scanned = api.query(f"SELECT max(n) FROM {name}")["statistics"]["bytes_scanned"]
    assert 0 < scanned <= size
