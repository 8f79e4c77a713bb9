"""Result reuse and scan limits over HTTP, with real publishes between."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from services.shared.clock import utc_now
from services.shared.records.tables import jobs, queries
from services.worker.forget import forget_queries, free_results
from tests.api.house import House, code

SUM = "SELECT count(*) AS n, sum(a) AS s FROM {}"


def rows(api: House, query_id: str) -> object:
    """Return the result's rows."""
    return api.get(f"/v1/queries/{query_id}/results")["rows"]


@pytest.fixture
def table(api: House, request: pytest.FixtureRequest) -> str:
    """A dataset of two rows, of the test's own."""
    name = request.node.name.split("[")[0][:50]
    upload = api.profiled(b"a,b\n1,x\n2,y\n")
    assert api.publish(upload["id"], name)["state"] == "succeeded"
    return str(name)


def test_a_result_is_used_again(api: House, table: str) -> None:
    """The same statement over the same versions gets the result at once and reads nothing; a publish in between ends that."""
    sql = SUM.format(table)
    first = api.query(sql)
    again = api.http.post("/v1/queries", json={"sql": sql + " ;", "reuse_results_minutes": 5}).json()
    assert (again["state"], again["reused_from"]) == ("succeeded", first["id"])
    assert again["statistics"] == {
        "queue_ms": 0, "planning_ms": 0, "execution_ms": 0, "bytes_scanned": 0, "rows": 1, "cost_usd": 0.0, "reused": True,
    }  # fmt: skip
    assert (first["reused_from"], first["statistics"]["reused"]) == (None, False)
    assert rows(api, again["id"]) == rows(api, first["id"]) == [["2", "3"]]
    assert api.http.get(f"/v1/queries/{again['id']}/download").content == api.http.get(f"/v1/queries/{first['id']}/download").content
    upload = api.profiled(b"a,b\n10,x\n")
    assert api.publish(upload["id"], table, mode="replace")["state"] == "succeeded"
    fresh = api.query(sql, reuse_results_minutes=5)
    assert (fresh["reused_from"], rows(api, fresh["id"])) == (None, [["1", "10"]])


def test_what_is_not_used_again(api: House, table: str) -> None:
    """Another text, parameter, type of a parameter or window, and what depends on more than the data, is run."""
    sql = f"SELECT count(*) FROM {table} WHERE a >= ?"
    first = api.query(sql, parameters=[1])
    assert api.query(sql, parameters=[1], reuse_results_minutes=5)["reused_from"] == first["id"]
    assert api.query(sql, parameters=[1])["reused_from"] is None
    assert api.query(sql, parameters=[1], reuse_results_minutes=0)["reused_from"] is None
    assert api.query(sql, parameters=[2], reuse_results_minutes=5)["reused_from"] is None
    assert api.query(sql, parameters=[1.0], reuse_results_minutes=5)["reused_from"] is None
    for changing in ("now()", "current_date", "random()", "CURRENT_TIMESTAMP", "(SELECT random())"):
        asked = f"SELECT a, {changing} AS x FROM {table}"
        assert [api.query(asked, reuse_results_minutes=5)["reused_from"] for _ in range(2)] == [None, None], changing
    with api.services.database.write() as tx:
        tx.execute(update(jobs).where(jobs.c.kind == "query").values(finished_at=utc_now() - timedelta(minutes=6)))
    assert api.query(sql, parameters=[1], reuse_results_minutes=5)["reused_from"] is None


def test_a_shared_result_is_kept_for_the_last(api: House, table: str) -> None:
    """The stored result goes when no query refers to it any more, and the history's rows later; then both say so."""
    first = api.query(SUM.format(table))
    again = api.query(SUM.format(table), reuse_results_minutes=5)
    assert again["reused_from"] == first["id"]
    with api.services.database.read() as tx:
        prefix = tx.execute(select(queries.c.result_prefix).where(queries.c.id == first["id"])).scalar_one()
    folder = Path(api.services.storage.engine_location(prefix))
    for query, left in ((first, True), (again, False)):
        with api.services.database.write() as tx:
            tx.execute(update(queries).where(queries.c.id == query["id"]).values(expires_at=utc_now() - timedelta(seconds=1)))
        assert free_results(api._worker) >= 1
        assert folder.exists() is left
        gone = api.http.get(f"/v1/queries/{query['id']}/results")
        assert code(gone) == (410, "result_expired")
        assert "run the query again" in gone.json()["detail"]
        assert left is False or rows(api, again["id"]) == [["2", "3"]]
    assert api.query(SUM.format(table), reuse_results_minutes=5)["reused_from"] is None
    assert api.get(f"/v1/queries/{first['id']}")["state"] == "succeeded"
    with api.services.database.write() as tx:
        tx.execute(update(jobs).where(jobs.c.id.in_([first["id"], again["id"]])).values(finished_at=utc_now() - timedelta(days=91)))
    assert forget_queries(api._worker) == 2
    assert code(api.http.get(f"/v1/queries/{first['id']}")) == (404, "query_not_found")


def test_a_scan_limit(api: House, table: str) -> None:
    """A bound above the limit refuses with both figures; one below it is told and the query runs."""
    sql = SUM.format(table)
    bound = api.http.post("/v1/queries/estimate", json={"sql": sql}).json()["bytes_bound"]
    refused = api.http.post("/v1/queries", json={"sql": sql, "max_bytes_scanned": bound - 1})
    assert code(refused) == (422, "scan_limit_exceeded")
    assert f"{bound:,}" in refused.json()["detail"]
    assert f"{bound - 1:,}" in refused.json()["detail"]
    ran = api.query(sql, max_bytes_scanned=bound)
    assert (ran["state"], ran["scan_limit"]) == ("succeeded", {"max_bytes_scanned": bound, "bytes_bound": bound, "applied": "before_run"})
    assert api.query(sql)["scan_limit"] is None
    assert api.query("SHOW TABLES", max_bytes_scanned=1)["state"] == "succeeded"
