"""Requests for what is not there or can't be read: each gets a problem that names the value, and nothing that was there is touched."""

from __future__ import annotations

import pytest

from tests.e2e.problems import check
from tests.stack import Stack

NONE = "0" * 26


UNKNOWN = [
    ("GET", f"uploads/upl_{NONE}", 404, "upload_not_found", f"upl_{NONE}"),
    ("GET", "uploads/rubbish", 404, "upload_not_found", "rubbish"),
    ("GET", f"uploads/upl_{NONE}/preview", 404, "upload_not_found", f"upl_{NONE}"),
    ("GET", f"uploads/upl_{NONE}/profile", 404, "upload_not_found", f"upl_{NONE}"),
    ("POST", f"uploads/upl_{NONE}/profile", 404, "upload_not_found", f"upl_{NONE}"),
    ("GET", f"uploads/upl_{NONE}/rejects", 404, "upload_not_found", f"upl_{NONE}"),
    ("GET", f"uploads/upl_{NONE}/rejects.csv", 404, "upload_not_found", f"upl_{NONE}"),
    ("DELETE", f"uploads/upl_{NONE}", 404, "upload_not_found", f"upl_{NONE}"),
    ("GET", f"profiles/prf_{NONE}", 404, "profile_not_found", f"prf_{NONE}"),
    ("GET", "datasets/nowhere", 404, "dataset_not_found", "nowhere"),
    ("DELETE", "datasets/nowhere", 404, "dataset_not_found", "nowhere"),
    ("GET", "datasets/nowhere/versions", 404, "dataset_not_found", "nowhere"),
    ("GET", "datasets/nowhere/receipt", 404, "dataset_not_found", "nowhere"),
    ("GET", "datasets/kept/receipt?version=9", 404, "version_not_found", "9"),
    ("GET", "datasets/kept/versions/9/rejects", 404, "version_not_found", "9"),
    ("POST", "datasets/kept/versions/7/restore", 404, "version_not_found", "7"),
    ("POST", "datasets/nowhere/versions/1/restore", 404, "dataset_not_found", "nowhere"),
    ("GET", f"jobs/job_{NONE}", 404, "job_not_found", f"job_{NONE}"),
    ("GET", f"jobs/job_{NONE}/events", 404, "job_not_found", f"job_{NONE}"),
    ("GET", f"jobs/job_{NONE}/rejects", 404, "job_not_found", f"job_{NONE}"),
    ("POST", f"jobs/job_{NONE}/cancel", 404, "job_not_found", f"job_{NONE}"),
    ("POST", f"jobs/job_{NONE}/retry", 404, "job_not_found", f"job_{NONE}"),
    ("GET", f"queries/qry_{NONE}", 404, "query_not_found", f"qry_{NONE}"),
    ("GET", f"queries/qry_{NONE}/events", 404, "query_not_found", f"qry_{NONE}"),
    ("GET", f"queries/qry_{NONE}/results", 404, "query_not_found", f"qry_{NONE}"),
    ("GET", f"queries/qry_{NONE}/download", 404, "query_not_found", f"qry_{NONE}"),
    ("POST", f"queries/qry_{NONE}/cancel", 404, "query_not_found", f"qry_{NONE}"),
    ("GET", "catalog/databases/nowhere/tables", 404, "database_not_found", "nowhere"),
    ("GET", "catalog/databases/headwater/tables/nowhere", 404, "catalog_table_not_found", "nowhere"),
    ("GET", "nowhere", 404, "not_found", "/v1/nowhere"),
    ("GET", "uploads?cursor=rubbish", 400, "invalid_cursor", "rubbish"),
    ("GET", "jobs?limit=0", 422, "validation_failed", "0"),
    ("GET", "jobs?limit=501", 422, "validation_failed", "501"),
    ("GET", "jobs?state=odd", 422, "validation_failed", "odd"),
    ("PUT", "jobs", 405, "method_not_allowed", "PUT"),
]


@pytest.mark.parametrize(("method", "path", "status", "code", "needle"), UNKNOWN, ids=lambda value: str(value)[:40])
def test_what_does_not_exist(stack: Stack, kept: str, method: str, path: str, status: int, code: str, needle: str) -> None:
    """Every kind of unknown id, name, address and list parameter."""
    assert kept
    check(stack.http.request(method, f"/v1/{path}"), status, code, needle)


def test_a_dropped_dataset(stack: Stack, kept: str) -> None:
    """What was dropped can't be queried, and its name can be taken again."""
    assert stack.publish(kept, "short_lived")["state"] == "succeeded"
    answer = stack.http.delete("/v1/datasets/short_lived")
    assert answer.status_code == 202
    assert stack.wait(answer.headers["Location"])["state"] == "succeeded"
    check(stack.http.post("/v1/queries", json={"sql": "SELECT * FROM short_lived"}), 422, "table_not_found", "short_lived")
    check(stack.http.get("/v1/datasets/short_lived"), 404, "dataset_not_found", "short_lived")
    assert stack.publish(kept, "short_lived")["state"] == "succeeded"


def test_a_cursor_of_another_list(stack: Stack, kept: str) -> None:
    """A cursor works where it came from, and nowhere else."""
    assert kept
    stack.upload_bytes(b"a\n1\n")
    cursor = stack.http.get("/v1/uploads", params={"limit": 1}).json()["next_cursor"]
    assert stack.http.get("/v1/uploads", params={"limit": 1, "cursor": cursor}).json()["items"]
    query = stack.query("SELECT id FROM kept ORDER BY id")
    page = stack.http.get(f"/v1/queries/{query['id']}/results", params={"limit": 10}).json()
    other = stack.query("SELECT name FROM kept")
    check(stack.http.get("/v1/jobs", params={"cursor": cursor}), 400, "invalid_cursor", cursor[:80])
    check(stack.http.get("/v1/uploads", params={"cursor": cursor, "state": "complete"}), 400, "invalid_cursor", cursor[:80])
    check(stack.http.get(f"/v1/queries/{other['id']}/results", params={"cursor": page["next_cursor"]}), 400, "invalid_cursor", page["next_cursor"])
    following = stack.http.get(f"/v1/queries/{query['id']}/results", params={"limit": 10, "cursor": page["next_cursor"]}).json()
    assert following["rows"] == [[str(number)] for number in range(10, 20)]


def test_bodies_that_are_no_json(stack: Stack, kept: str) -> None:
    """Cut short, of another kind, empty, or no text at all."""
    assert kept
    as_json = {"Content-Type": "application/json"}
    cases: list[tuple[bytes, dict[str, str], int, str]] = [
        (b'{"sql": ', as_json, 400, "bad_request"),
        (b"", as_json, 400, "bad_request"),
        (b"\xff\xfe{", as_json, 400, "bad_request"),
        (b"[1, 2]", as_json, 422, "validation_failed"),
        (b'{"sql": 5}', as_json, 422, "validation_failed"),
        (b'{"sql": "SELECT 1"}', {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (b'{"sql": "' + b"x" * 1_100_000 + b'"}', as_json, 413, "request_too_large"),
    ]
    for body, headers, status, code in cases:
        check(stack.http.post("/v1/queries", content=body, headers=headers), status, code)


def test_foreigners(stack: Stack, kept: str) -> None:
    """A page of another site changes nothing, and a server of another name does not exist."""
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        check(stack.http.delete("/v1/datasets/kept", headers=headers), 403, "cross_origin", headers.get("Origin", "site"))
        check(stack.http.post("/v1/uploads", content=b"a\n1\n", headers=headers), 403, "cross_origin")
        assert stack.http.get(f"/v1/uploads/{kept}", headers=headers).status_code == 200
    check(stack.http.get(f"/v1/uploads/{kept}", headers={"Host": "evil.example"}), 400, "host_not_allowed", "evil.example")
