"""Requests that ask for what can't be: each gets a problem that names the value, and nothing that was there is touched."""

from __future__ import annotations

import base64
import gzip
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.house import House
from tests.e2e.problems import check, check_document
from tests.stack import Stack, running

NONE = "0" * 26
TUS = {"Tus-Resumable": "1.0.0"}
PATCH = {**TUS, "Content-Type": "application/offset+octet-stream"}
TOTAL = "SELECT count(*), sum(id) FROM kept"


@pytest.fixture(scope="module")
def kept(stack: Stack) -> Iterator[str]:
    """An upload and its table, which every test of this module leaves as they are."""
    lines = "".join(f"{number},n{number},{number}.25,2024-01-{number % 28 + 1:02}\n" for number in range(500))
    upload = stack.upload_bytes(f"id,name,price,day\n{lines}".encode(), "kept.csv")
    assert stack.profile(upload["id"])["state"] == "succeeded"
    assert stack.publish(upload["id"], "kept")["state"] == "succeeded"
    yield str(upload["id"])
    after = stack.http.get("/v1/datasets/kept").json()
    assert (after["version"], after["rows"], after["state"]) == (1, 500, "ready")
    assert stack.rows(TOTAL) == [["500", str(sum(range(500)))]]
    assert stack.http.get(f"/v1/uploads/{upload['id']}/profile").json()["records"] == 500


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


NAMES = ["1abc", "Abc", "a-b", "a b", "x" * 64, "säle", "a;drop", "../etc", "_x", "kept\n"]
RESERVED = ["select", "table", "from", "values"]
COLUMNS: list[tuple[list[dict[str, Any]], str, str]] = [
    ([{"source_name": "nope"}], "contract_invalid", "'nope'"),
    ([{"source_name": "id"}, {"source_name": "id"}], "contract_invalid", "'id'"),
    ([{"source_name": "id", "type": "decimal(39,2)"}], "contract_invalid", "decimal(39,2)"),
    ([{"source_name": "id", "type": "decimal(3,5)"}], "contract_invalid", "decimal(3,5)"),
    ([{"source_name": "id", "type": "varchar"}], "validation_failed", "varchar"),
    ([{"source_name": "id", "name": "1x"}], "validation_failed", "1x"),
    ([{"source_name": "id", "name": "A b"}], "validation_failed", "A b"),
    ([{"source_name": "id", "name": "name"}], "contract_invalid", "'id' and 'name'"),
    ([{"source_name": "name", "format": "%Y"}], "contract_invalid", "'%Y'"),
    ([{"source_name": "day", "type": "date", "format": "%Q"}], "contract_invalid", "%Q"),
    ([{"source_name": name, "include": False} for name in ("id", "name", "price", "day")], "contract_invalid", "No column"),
]


@pytest.mark.parametrize("name", NAMES)
def test_illegal_names(stack: Stack, kept: str, name: str) -> None:
    """A name that a table can't have is shown in the refusal."""
    problem = check(stack.http.post("/v1/datasets", json={"upload_id": kept, "name": name}), 422, "validation_failed", name)
    assert [error["pointer"] for error in problem["errors"]] == ["#/name"]


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_names(stack: Stack, kept: str, name: str) -> None:
    """Words of the SQL are no names."""
    check(stack.http.post("/v1/datasets", json={"upload_id": kept, "name": name}), 422, "invalid_name", name)


@pytest.mark.parametrize(("columns", "code", "needle"), COLUMNS, ids=lambda value: str(value)[:40])
def test_impossible_columns(stack: Stack, kept: str, columns: list[dict[str, Any]], code: str, needle: str) -> None:
    """Unknown columns, impossible types and names are refused together with the place in the request."""
    problem = check(stack.http.post("/v1/datasets", json={"upload_id": kept, "name": "other", "columns": columns}), 422, code, needle)
    assert all(error["pointer"].startswith("#/columns") for error in problem["errors"])
    check(stack.http.get("/v1/datasets/other"), 404, "dataset_not_found", "other")


def test_publishes_that_can_not_be(stack: Stack, kept: str) -> None:
    """A taken name, another version, nothing to replace, a foreign profile, and settings that do not exist."""
    cases: list[tuple[dict[str, Any], int, str, str]] = [
        ({"name": "kept"}, 409, "dataset_exists", "kept"),
        ({"name": "kept", "mode": "replace", "expected_version": 7}, 409, "version_conflict", "not at 7"),
        ({"name": "nowhere", "mode": "append"}, 404, "dataset_not_found", "nowhere"),
        ({"name": "other", "profile_id": f"prf_{NONE}"}, 404, "profile_not_found", f"prf_{NONE}"),
        ({"name": "other", "upload_id": f"upl_{NONE}"}, 404, "upload_not_found", f"upl_{NONE}"),
        ({"name": "other", "upload_id": "rubbish"}, 422, "validation_failed", "rubbish"),
        ({"name": "other", "mode": "sideways"}, 422, "validation_failed", "sideways"),
        ({"name": "other", "colour": "red"}, 422, "validation_failed", "red"),
        ({"name": "other", "max_reject_ratio": 2}, 422, "validation_failed", "2"),
    ]
    for body, status, code, needle in cases:
        check(stack.http.post("/v1/datasets", json={"upload_id": kept, **body}), status, code, needle)


def test_values_that_do_not_fit(stack: Stack, kept: str) -> None:
    """A type that the values do not have is refused at once or fails the publish; the table stays what it was, and the rejects say why."""
    forced: dict[str, Any] = {"columns": [{"source_name": "name", "type": "bigint"}]}
    strict = stack.http.post("/v1/datasets", json={"upload_id": kept, "name": "kept", "mode": "replace", "on_reject": "fail", **forced})
    check(strict, 422, "contract_invalid", "bigint", "500 values", "'n0'", "line 2")
    job = stack.publish(kept, "kept", mode="replace", **forced)
    assert job["state"] == "failed"
    check_document(job["error"], 422, "too_many_rejects", "500 of 500", "5.00%")
    reject = stack.http.get(f"/v1/jobs/{job['id']}/rejects", params={"limit": 1}).json()["items"][0]
    assert (reject["line"], reject["code"]) == (2, "cast_failed")
    assert "n0" in reject["detail"]
    assert stack.rows(TOTAL) == [["500", str(sum(range(500)))]]


def test_rejects_beyond_the_policy(stack: Stack, kept: str) -> None:
    """More rejects than allowed, or one where none is, fail the publish with the figures or the line; the name is free again."""
    assert kept
    ragged = stack.upload_bytes(b"a,b\n1,2\n1,2,3\n4,5\n")["id"]
    assert stack.profile(ragged)["state"] == "succeeded"
    for more, code, needles in (
        ({"max_reject_ratio": 0.1}, "too_many_rejects", ("1 of 3", "10.00%")),
        ({"on_reject": "fail"}, "record_rejected", ("Line 3", "3 fields")),
    ):
        job = stack.publish(ragged, "ragged", **more)
        assert job["state"] == "failed"
        check_document(job["error"], 422, code, *needles)
        assert [reject["line"] for reject in stack.http.get(f"/v1/jobs/{job['id']}/rejects").json()["items"]] == [3]
        check(stack.http.get("/v1/datasets/ragged"), 404, "dataset_not_found", "ragged")
    assert stack.publish(ragged, "ragged", max_reject_ratio=0.5)["state"] == "succeeded"
    assert stack.rows("SELECT a, b FROM ragged ORDER BY a") == [["1", "2"], ["4", "5"]]


SQL: list[tuple[str, int, str, int | None, int | None, str]] = [
    ("SELEC 1", 422, "sql_syntax", 1, 1, "Did you mean SELECT?"),
    ("SELECT id,\n  nope FROM kept", 422, "column_not_found", 2, 3, "nope"),
    ("SELECT *\nFROM nowhere", 422, "table_not_found", 2, 6, "nowhere"),
    ("SELECT * FROM other.kept", 422, "table_not_found", 1, 15, "other"),
    ('SELECT * FROM "/etc/passwd"', 422, "table_not_found", 1, 15, "/etc/passwd"),
    ("SELECT * FROM read_csv('/etc/passwd')", 422, "unsupported_on_embedded", 1, 15, "read_csv"),
    ("SELECT\n\n  id,\n  (SELECT 1 FROM\n kept x", 422, "sql_syntax", 5, 7, "x"),
    ("SELECT id,\n 'abc", 422, "sql_syntax", 2, 2, "begins here"),
    ("SELECT nofun(id) FROM kept", 422, "unknown_function", 1, 8, "nofun"),
    ("SELECT id + name FROM kept", 422, "type_mismatch", 1, 8, "varchar"),
    ("SELECT id FROM kept WHERE day > 5", 422, "type_mismatch", 1, 27, "date and integer"),
    ("SELECT id FROM kept a, kept b", 422, "column_ambiguous", 1, 8, "id"),
    ("SELECT count(*) FROM kept WHERE sum(id) > 1", 422, "sql_invalid", 1, 33, "sum"),
    ("SELECT id FROM kept GROUP BY name", 422, "sql_invalid", 1, 8, "id"),
    ("SELECT cast('abc' as date)", 422, "sql_invalid", 1, 13, "'abc'"),
    ("SELECT ?", 422, "parameter_mismatch", None, None, "1 placeholders"),
    ("-- nothing", 422, "sql_syntax", None, None, "no statement"),
    ("(" * 300 + "1" + ")" * 300, 422, "sql_syntax", 1, 61, "60 levels"),
    ("SELECT 1; SELECT 2", 422, "multiple_statements", 1, 11, "'SELECT'"),
    ("SELECT 1;\n DROP TABLE kept", 422, "multiple_statements", 2, 2, "'DROP'"),
    ("WITH x AS (DELETE FROM kept) SELECT 1", 403, "statement_not_allowed", 1, 12, "DELETE"),
    ("EXPLAIN DROP TABLE kept", 403, "statement_not_allowed", 1, 9, "DROP"),
    *[
        (sql, 403, "statement_not_allowed", 1, 1, sql.split()[0])
        for sql in (
            "DROP TABLE kept",
            "DELETE FROM kept",
            "INSERT INTO kept VALUES (1)",
            "UPDATE kept SET id = 1",
            "MERGE INTO kept USING kept b ON true WHEN MATCHED THEN DELETE",
            "CREATE TABLE x AS SELECT 1 AS a",
            "CREATE VIEW v AS SELECT 1 AS a",
            "ALTER TABLE kept ADD COLUMNS (x int)",
            "MSCK REPAIR TABLE kept",
            "UNLOAD (SELECT 1) TO 's3://b/x'",
            "COPY kept TO '/tmp/x'",
            "ATTACH '/etc/passwd'",
            "PRAGMA database_list",
            "SET memory_limit = '1TB'",
            "CALL pragma_version()",
        )
    ],
]


@pytest.mark.parametrize(("sql", "status", "code", "line", "column", "needle"), SQL, ids=lambda value: str(value)[:40])
def test_sql_that_can_not_run(stack: Stack, kept: str, sql: str, status: int, code: str, line: int | None, column: int | None, needle: str) -> None:
    """What can't or may not run is refused before it is queued, with the line and the column of what is wrong."""
    assert kept
    problem = check(stack.http.post("/v1/queries", json={"sql": sql}), status, code, needle)
    assert (problem.get("line"), problem.get("column")) == (line, column)


RUNS_INTO: list[tuple[str, str, str]] = [
    ("SELECT 10 / (id - 3) FROM kept", "division_by_zero", "zero"),
    ("SELECT id % (id - id) FROM kept", "division_by_zero", "zero"),
    ("SELECT cast(name AS bigint) FROM kept", "invalid_value", "'n0'"),
    ("SELECT (SELECT id FROM kept)", "invalid_value", "more than one row"),
    ("SELECT 9223372036854775807 + id FROM kept", "numeric_out_of_range", "9223372036854775807"),
]


@pytest.mark.parametrize(("sql", "code", "needle"), RUNS_INTO)
def test_sql_that_fails_at_run_time(stack: Stack, kept: str, sql: str, code: str, needle: str) -> None:
    """The query ends failed with the reason, has no result, and the next one works."""
    assert kept
    query = stack.query(sql)
    assert query["state"] == "failed"
    check_document(query["error"], 422, code, needle)
    check(stack.http.get(f"/v1/queries/{query['id']}/results"), 409, "query_failed", query["id"], code)
    check(stack.http.get(f"/v1/queries/{query['id']}/download"), 409, "query_failed", query["id"], code)
    assert stack.rows("SELECT 1 AS one") == [[1]]


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


def test_a_tus_upload_with_every_mistake(stack: Stack, kept: str) -> None:
    """Wrong offsets, digests, lengths and versions are refused, and what was stored stays: the upload is finished after all."""
    assert kept
    data = b"a,b\n" + b"1,2\n" * 74_999
    digest = base64.b64encode(hashlib.sha256(data).hexdigest().encode()).decode()
    announced = {**TUS, "Upload-Length": str(len(data)), "Upload-Metadata": f"sha256 {digest}"}
    address = stack.http.post("/v1/uploads", headers=announced).headers["Location"]
    upload_id = address.rsplit("/", 1)[1]
    early = {"upload_id": upload_id, "name": "early"}
    check(stack.http.post("/v1/datasets", json=early), 409, "profile_not_ready", upload_id)
    assert stack.http.patch(address, content=data[:270_000], headers={**PATCH, "Upload-Offset": "0"}).status_code == 204
    check(stack.http.post("/v1/datasets", json=early), 409, "profile_not_ready", upload_id)
    rest, at = data[270_000:], {**PATCH, "Upload-Offset": "270000"}
    wrong = base64.b64encode(hashlib.sha1(b"other", usedforsecurity=False).digest()).decode()
    cases: list[tuple[bytes, dict[str, str], int, str, str]] = [
        (rest, {**at, "Upload-Offset": "5"}, 409, "offset_mismatch", "not at 5"),
        (rest, {**at, "Upload-Offset": "-1"}, 400, "bad_request", "-1"),
        (rest, {**at, "Upload-Checksum": f"sha1 {wrong}"}, 460, "checksum_mismatch", wrong),
        (rest, {**at, "Upload-Checksum": "crc9 AAAA"}, 400, "checksum_unsupported", "crc9"),
        (rest + b"xx", at, 413, "upload_too_large", str(len(data))),
        (rest, {**at, "Tus-Resumable": "0.2.2"}, 412, "tus_version_unsupported", "0.2.2"),
        (rest, {**at, "Content-Type": "text/csv"}, 415, "unsupported_media_type", "text/csv"),
    ]
    for body, headers, status, code, needle in cases:
        check(stack.http.patch(address, content=body, headers=headers), status, code, needle)
        head = stack.http.head(address, headers=TUS)
        assert (head.status_code, head.headers["Upload-Offset"]) == (200, "270000")
    assert stack.http.patch(address, content=rest, headers=at).status_code == 204
    check(stack.http.patch(address, content=b"1", headers={**PATCH, "Upload-Offset": str(len(data))}), 413, "upload_too_large", upload_id)
    assert stack.profile(upload_id)["state"] == "succeeded"
    assert stack.http.get(f"/v1/uploads/{upload_id}").json()["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("by_tus", [False, True])
def test_an_announced_digest_that_is_wrong(stack: Stack, kept: str, by_tus: bool) -> None:
    """The upload and its job are failed with both digests, and nothing can be published from it."""
    assert kept
    wrong, data = "0" * 64, b"a\n1\n"
    if by_tus:
        metadata = {"Upload-Metadata": f"sha256 {base64.b64encode(wrong.encode()).decode()}", "Upload-Length": str(len(data))}
        answer = stack.http.post("/v1/uploads", content=data, headers={**PATCH, **metadata})
    else:
        answer = stack.http.post("/v1/uploads", params={"sha256": wrong}, content=data)
    assert answer.status_code == 201, answer.text
    upload_id = answer.headers["Location"].rsplit("/", 1)[1]
    job = stack.profile(upload_id)
    assert job["state"] == "failed"
    check_document(job["error"], 460, "checksum_mismatch", wrong, hashlib.sha256(data).hexdigest())
    upload = stack.http.get(f"/v1/uploads/{upload_id}").json()
    assert upload["state"] == "failed"
    check_document(upload["error"], 460, "checksum_mismatch", wrong)
    check(stack.http.post("/v1/datasets", json={"upload_id": upload_id, "name": "forged"}), 409, "profile_failed", upload_id)


@pytest.mark.timeout(240)
def test_limits(tmp_path: Path, redis_url: str) -> None:
    """Too large, too much unpacked, and no room: refused before the bytes are taken, and what was there before works on."""
    data = b"k,v\n1,a\n2,b\n"
    home = tmp_path / "home"
    home.mkdir()
    with closing(House(home, redis_url=redis_url, max_unpacked_bytes=20_000_000).start()) as house:
        upload = house.profiled(data)
        assert house.publish(upload["id"], "pairs")["state"] == "succeeded"
        bomb = house.profiled(_gzip_of_lines(60_000_000))
        check_document(house.get(f"/v1/jobs/{bomb['profile_job_id']}")["error"], 422, "decompression_bomb", "20000000")
    free = shutil.disk_usage(tmp_path).free
    with running(home, HEADWATER_MAX_UPLOAD_BYTES="1000000", HEADWATER_MIN_FREE_BYTES=str(free * 4)) as stack:
        before = [one["id"] for one in stack.http.get("/v1/uploads", params={"state": ["complete", "receiving"]}).json()["items"]]
        for length, status, code, needle in ((1_000_001, 413, "upload_too_large", "1,000,001"), (900_000, 507, "insufficient_storage", "900,000")):
            check(stack.http.post("/v1/uploads", headers={**TUS, "Upload-Length": str(length)}), status, code, needle)
            check(_post(stack, bytes(length)), status, code)
            check(_post(stack, (bytes(50_000) for _ in range(length // 50_000 + 1))), 507, "insufficient_storage")
        check(stack.http.post("/v1/datasets", json={"upload_id": upload["id"], "name": "another"}), 507, "insufficient_storage", f"{free * 4:,}")
        assert [one["id"] for one in stack.http.get("/v1/uploads", params={"state": ["complete", "receiving"]}).json()["items"]] == before
        assert stack.rows("SELECT k, v FROM pairs ORDER BY k") == [["1", "a"], ["2", "b"]]
        assert stack.http.get(f"/v1/uploads/{upload['id']}/preview").json()["rows"] == [["1", "a"], ["2", "b"]]


def _post(stack: Stack, content: bytes | Iterator[bytes]) -> httpx.Response:
    return stack.http.post("/v1/uploads", content=content)


def _gzip_of_lines(size: int) -> bytes:
    return gzip.compress(b"1,2\n" * (size // 4), 1)
