"""Queries over HTTP: what is refused before an engine sees it, and what a query without a result answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from services.shared.clock import utc_now
from services.shared.errors import QueryDivisionByZero
from services.shared.jobs.model import Kind, NewJob
from services.shared.principal import LOCAL
from services.shared.records.tables import queries
from tests.api.house import House, code

NONE = "/v1/queries/qry_00000000000000000000000000"


def submit(api: House, sql: str, **request: Any) -> httpx.Response:
    """Submit a query."""
    return api.http.post("/v1/queries", json={"sql": sql, **request})


@pytest.mark.parametrize(
    ("sql", "status", "word", "place"),
    [
        ("SELECT\n  FROM WHERE", 422, "sql_syntax", (2, None)),
        ("SELECT 1; SELECT 2", 422, "multiple_statements", (1, 11)),
        ("DROP TABLE orders", 403, "statement_not_allowed", (1, 1)),
        ("CREATE TABLE a AS SELECT 1 AS x", 403, "statement_not_allowed", (1, 1)),
        ("SELECT * FROM nowhere", 422, "table_not_found", (1, 15)),
        ("SELECT nothing FROM (VALUES (1)) t (a)", 422, "column_not_found", (1, 8)),
        ("SELECT no_such_function(1)", 422, "unknown_function", (1, 8)),
        ("SELECT * FROM headwater_staging.anything", 422, "table_not_found", (1, None)),
        ("SELECT * FROM '/etc/passwd'", 422, "table_not_found", None),
        ("SELECT * FROM read_csv('/etc/passwd')", 422, None, None),
        ("DESCRIBE nowhere", 422, "table_not_found", None),
    ],
)
def test_statements_that_are_refused(api: House, sql: str, status: int, word: str | None, place: tuple[int, int | None] | None) -> None:
    """A statement that can't run is refused with the reason and its place, and no query is made."""
    before = api.get("/v1/queries")["items"]
    answer = submit(api, sql)
    found = code(answer)
    assert found == (status, word or found[1])
    if place is not None:
        assert answer.json().get("line") == place[0]
        assert place[1] is None or answer.json().get("column") == place[1]
    assert api.get("/v1/queries")["items"] == before


def test_requests_that_are_refused(api: House) -> None:
    """Unknown databases, parameters that do not fit, and SQL that is too long."""
    assert code(submit(api, "SELECT 1", database="nowhere")) == (404, "database_not_found")
    assert code(submit(api, "SELECT 1", database="headwater_staging")) == (404, "database_not_found")
    assert code(submit(api, "SELECT ?", parameters=[])) == (422, "parameter_mismatch")
    assert code(submit(api, "SELECT 1", parameters=[1])) == (422, "parameter_mismatch")
    assert code(submit(api, "SELECT 1 -- " + "x" * 70_000)) == (422, "sql_too_long")
    assert code(submit(api, "")) == (422, "validation_failed")


def test_deep_nesting_is_cheap(api: House) -> None:
    """Four kilobytes of parentheses are refused, and soon."""
    answer = submit(api, "SELECT " + "(" * 2000 + "1" + ")" * 2000)
    assert code(answer) == (422, "sql_syntax")
    assert answer.elapsed < timedelta(seconds=2)


def test_parameters(api: House) -> None:
    """Parameters take the places of the marks, in order, as values and never as text of the statement."""
    query = api.query("SELECT ? AS n, ? AS t, ? AS b, ? AS nothing", parameters=[7, "it's; DROP", True, None])
    assert query["state"] == "succeeded", query["error"]
    assert api.get(f"/v1/queries/{query['id']}/results")["rows"] == [[7, "it's; DROP", True, None]]


def test_a_waiting_query(api: House) -> None:
    """A query that waits has no result yet, and can be stopped at once, again and again."""
    answer = submit(api, "SELECT 1 AS one")
    path = answer.headers["Location"]
    assert (answer.status_code, path, answer.headers["Retry-After"]) == (202, f"/v1/queries/{answer.json()['id']}", "1")
    assert (answer.json()["state"], answer.json()["columns"]) == ("queued", None)
    assert code(api.http.get(f"{path}/results")) == (409, "query_not_finished")
    assert code(api.http.get(f"{path}/download")) == (409, "query_not_finished")
    stopped = api.http.post(f"{path}/cancel")
    assert (stopped.status_code, stopped.json()["state"]) == (202, "cancelled")
    assert api.http.post(f"{path}/cancel").content == stopped.content
    assert code(api.http.get(f"{path}/results")) == (409, "query_cancelled")


def test_a_failed_query(api: House) -> None:
    """A query that failed carries the problem, and so does the answer to who wants its result."""
    query = submit(api, "SELECT 1 AS one").json()
    job = api.claim(query["id"])
    with api.services.database.write() as tx:
        api.services.jobs.fail(tx, job, QueryDivisionByZero("7 / 0", line=1, column=8))
    failed = api.get(f"/v1/queries/{query['id']}")
    assert (failed["state"], failed["error"]["code"], failed["error"]["line"], failed["error"]["column"]) == ("failed", "division_by_zero", 1, 8)
    assert failed["error"]["instance"] == f"/v1/queries/{query['id']}"
    assert code(api.http.get(f"/v1/queries/{query['id']}/results")) == (409, "query_failed")
    assert code(api.http.post(f"/v1/queries/{query['id']}/cancel")) == (409, "query_finished")


def test_an_expired_result(api: House) -> None:
    """After its retention a result is gone, and its query stays in the history."""
    query = api.query("SELECT 1 AS one")
    with api.services.database.write() as tx:
        tx.execute(update(queries).where(queries.c.id == query["id"]).values(expires_at=utc_now() - timedelta(seconds=1)))
    for path in ("results", "download", "download?format=parquet"):
        assert code(api.http.get(f"/v1/queries/{query['id']}/{path}")) == (410, "result_expired")
    assert api.get(f"/v1/queries/{query['id']}")["state"] == "succeeded"


def test_a_query_on_a_dropped_dataset(api: House) -> None:
    """A query that was accepted before its dataset was dropped fails and names the table."""
    upload = api.profiled(b"a\n1\n")
    api.publish(upload["id"], "query_dropped")
    dropped = api.http.delete("/v1/datasets/query_dropped")
    waiting = submit(api, "SELECT * FROM query_dropped")
    assert (dropped.status_code, waiting.status_code) == (202, 202)
    api.work()
    failed = api.get(waiting.headers["Location"])
    assert (failed["state"], failed["error"]["code"]) == ("failed", "table_not_found")
    assert "query_dropped" in failed["error"]["detail"]


def test_a_cursor_of_another_result(api: House) -> None:
    """A cursor belongs to one result."""
    first, second = (api.query("SELECT * FROM (VALUES 1, 2, 3) t (a)") for _ in range(2))
    cursor = api.get(f"/v1/queries/{first['id']}/results", params={"limit": 1})["next_cursor"]
    assert api.get(f"/v1/queries/{first['id']}/results", params={"limit": 2, "cursor": cursor})["rows"] == [[2], [3]]
    assert code(api.http.get(f"/v1/queries/{second['id']}/results", params={"cursor": cursor})) == (400, "invalid_cursor")


def test_an_export_that_failed_is_tried_anew(api: House) -> None:
    """A failed export does not block the next one."""
    query = api.query("SELECT 1 AS one")
    path = f"/v1/queries/{query['id']}/download"
    first = api.http.get(path, params={"format": "parquet"}).json()
    assert api.http.post(f"/v1/jobs/{first['id']}/cancel").json()["state"] == "cancelled"
    second = api.http.get(path, params={"format": "parquet"}).json()
    assert (second["state"], second["id"] != first["id"]) == ("queued", True)
    api.work()
    assert api.http.get(path, params={"format": "parquet"}).status_code == 200


def test_internal_queries_are_not_shown(api: House) -> None:
    """What a publish asks to check itself is not in the history and has no address."""
    with api.services.database.write() as tx:
        job_id = "qry_0000000000000000000000000r"
        api.services.jobs.submit(tx, NewJob(kind=Kind.QUERY, id=job_id, resource_type="query", resource_id=job_id, params={}), principal=LOCAL)
        values = {"id": job_id, "workspace": "default", "owner": "local", "origin": "receipt", "sql": "SELECT 1", "database": "headwater"}
        tx.execute(queries.insert().values(**values, engine="duckdb"))
    assert code(api.http.get(f"/v1/queries/{job_id}")) == (404, "query_not_found")
    assert code(api.http.post(f"/v1/queries/{job_id}/cancel")) == (404, "query_not_found")
    assert job_id not in [query["id"] for query in api.get("/v1/queries", params={"limit": 500})["items"]]


def test_unknown_queries(api: House) -> None:
    """An id that no query has is not found, whatever is asked of it."""
    for path in (NONE, f"{NONE}/results", f"{NONE}/download", f"{NONE}/events", "/v1/queries/odd"):
        assert code(api.http.get(path)) == (404, "query_not_found")
    assert code(api.http.post(f"{NONE}/cancel")) == (404, "query_not_found")
