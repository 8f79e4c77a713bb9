"""From a CSV to a downloaded answer, through the real product."""

from __future__ import annotations

import csv
import hashlib
import io
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.stack import Stack, until

CSV = (
    "id,name,price,paid,day,at,zip,note\r\n"
    '1,"Ann, ""A.""",1.50,true,2024-02-29,2024-02-29T12:30:00,02000,"two\nlines"\r\n'
    "2,Bob,22.75,FALSE,2024-03-01,2024-03-01 00:00:00.5,10115,\r\n"
    '3,Zoë 🦀,,true,,,"00001",""\r\n'
    "4,too,many,cells,here,2024-03-01,1,2,3,4\r\n"
    "9007199254740993,NA,0.01,false,1970-01-01,1969-12-31T23:59:59,99999,NULL\r\n"
)


@pytest.fixture(scope="module")
def published(stack: Stack) -> str:
    upload = stack.upload_bytes(CSV.encode(), "people.csv")
    assert stack.profile(upload["id"])["state"] == "succeeded"
    job = stack.publish(upload["id"], "people", max_reject_ratio=0.5)
    assert job["state"] == "succeeded", job
    return str(upload["id"])


def test_the_upload_knows_its_digest(stack: Stack, published: str) -> None:
    """sha256 is of all bytes, read back by the worker."""
    upload = stack.http.get(f"/v1/uploads/{published}").json()
    assert upload["state"] == "complete"
    assert upload["size"] == upload["offset"] == len(CSV.encode())
    assert upload["sha256"] == hashlib.sha256(CSV.encode()).hexdigest()


def test_the_preview_is_raw_text(stack: Stack, published: str) -> None:
    """What the preview shows is the file's text, NULL and the empty string kept apart."""
    preview = stack.http.get(f"/v1/uploads/{published}/preview").json()
    assert [column["source_name"] for column in preview["columns"]] == ["id", "name", "price", "paid", "day", "at", "zip", "note"]
    assert preview["rows"][0] == ["1", 'Ann, "A."', "1.50", "true", "2024-02-29", "2024-02-29T12:30:00", "02000", "two\nlines"]
    assert preview["rows"][1][7] is None
    assert preview["rows"][2][6:] == ["00001", ""]


def test_the_profile_accounts_for_every_record(stack: Stack, published: str) -> None:
    """Types are decided over all records; the ragged one is a reject with its line."""
    profile = stack.http.get(f"/v1/uploads/{published}/profile").json()
    assert (profile["records"], profile["header_records"], profile["rejected_records"]) == (4, 1, 1)
    types = {column["source_name"]: column["type"] for column in profile["columns"]}
    assert types == {
        "id": "bigint",
        "name": "string",
        "price": "decimal(4,2)",
        "paid": "boolean",
        "day": "date",
        "at": "timestamp",
        "zip": "string",
        "note": "string",
    }
    rejects = stack.http.get(f"/v1/uploads/{published}/rejects").json()["items"]
    assert [(reject["line"], reject["code"]) for reject in rejects] == [(6, "too_many_fields")]


def test_the_receipt_balances(stack: Stack, published: str) -> None:
    """Records in the file = header + rejected + published, and the engine counts the same."""
    assert published
    receipt = stack.http.get("/v1/datasets/people/receipt").json()
    assert receipt["balanced"] is True
    assert (receipt["records_in"], receipt["header_records"], receipt["rejected_records"], receipt["published_rows"]) == (6, 1, 1, 4)
    assert receipt["catalog_rows"] == receipt["rows_before"] + receipt["published_rows"] == 4
    assert all(column["equal"] for column in receipt["columns"])


def test_a_query_returns_what_was_published(stack: Stack, published: str) -> None:
    """Cells come back as values of their column's type."""
    assert published
    rows = stack.rows("SELECT id, name, price, paid, day, at, zip, note FROM people ORDER BY id")
    assert rows[0] == ["1", 'Ann, "A."', "1.50", True, "2024-02-29", "2024-02-29T12:30:00.000", "02000", "two\nlines"]
    assert rows[2] == ["3", "Zoë 🦀", None, True, None, None, "00001", ""]
    assert rows[3][0] == "9007199254740993"
    assert rows[3][1] == "NA"
    assert rows[3][7] == "NULL"


def test_a_result_downloads_whole_in_part_and_as_parquet(stack: Stack, published: str, tmp_path: Path) -> None:
    """The CSV is the stored result, a Range is a piece of it, and Parquet holds the same values."""
    assert published
    query = stack.query("SELECT id, price, note FROM people ORDER BY id")
    path = f"/v1/queries/{query['id']}/download"
    whole = stack.http.get(path, params={"format": "csv"})
    assert whole.status_code == 200
    assert list(csv.reader(io.StringIO(whole.text)))[1] == ["1", "1.50", "two\nlines"]
    piece = stack.http.get(path, params={"format": "csv"}, headers={"Range": "bytes=2-9"})
    assert piece.status_code == 206
    assert piece.content == whole.content[2:10]
    first = stack.http.get(path, params={"format": "parquet"})
    assert first.status_code == 202
    assert stack.wait(first.headers["Location"])["state"] == "succeeded"
    target = tmp_path / "result.parquet"
    target.write_bytes(stack.http.get(path, params={"format": "parquet"}).content)
    assert pq.read_table(target).to_pylist()[:2] == [
        {"id": 1, "price": Decimal("1.50"), "note": "two\nlines"},
        {"id": 2, "price": Decimal("22.75"), "note": None},
    ]


def test_append_and_replace_make_versions_and_restore_brings_one_back(stack: Stack, published: str) -> None:
    """Each publish is a version of its own; an older one can be had again."""
    upload = stack.upload_bytes(b"k,v\n1,a\n2,b\n")
    stack.profile(upload["id"])
    assert stack.publish(upload["id"], "couples")["state"] == "succeeded"
    more = stack.upload_bytes(b"k,v\n3,c\n")
    stack.profile(more["id"])
    assert stack.publish(more["id"], "couples", mode="append")["state"] == "succeeded"
    assert stack.rows("SELECT k, v FROM couples ORDER BY k") == [["1", "a"], ["2", "b"], ["3", "c"]]
    assert stack.publish(more["id"], "couples", mode="replace")["state"] == "succeeded"
    assert stack.rows("SELECT k, v FROM couples") == [["3", "c"]]
    answer = stack.http.post("/v1/datasets/couples/versions/2/restore")
    assert answer.status_code == 202, answer.text
    assert stack.wait(answer.headers["Location"])["state"] == "succeeded"
    assert stack.rows("SELECT count(*), sum(k) FROM couples") == [["3", "6"]]
    assert stack.http.get("/v1/datasets/couples").json()["version"] == 4
    assert published


def test_a_dropped_dataset_is_gone_for_queries(stack: Stack) -> None:
    """After a drop its name is free, and a query on it says that there is no such table."""
    upload = stack.upload_bytes(b"k\n1\n")
    stack.profile(upload["id"])
    assert stack.publish(upload["id"], "shortlived")["state"] == "succeeded"
    answer = stack.http.delete("/v1/datasets/shortlived")
    assert answer.status_code == 202, answer.text
    assert stack.wait(answer.headers["Location"])["state"] == "succeeded"
    refused = stack.http.post("/v1/queries", json={"sql": "SELECT * FROM shortlived"})
    assert (refused.status_code, refused.json()["code"]) == (422, "table_not_found")
    assert stack.http.get("/v1/datasets/shortlived").status_code == 404


def test_a_long_query_is_cancelled_within_two_seconds(stack: Stack, published: str) -> None:
    """Cancel means stop."""
    assert published
    endless = (
        "SELECT count(*) FROM "
        + " CROSS JOIN ".join(f"people p{i}" for i in range(1, 22))
        + f" WHERE {' + '.join(f'p{i}.id' for i in range(1, 22))} = 4242"
    )
    query = stack.http.post("/v1/queries", json={"sql": endless}).json()
    until(lambda: (stack.find(f"/v1/queries/{query['id']}") or {}).get("state") == "running", timeout_s=20, what="it runs")
    assert stack.http.post(f"/v1/queries/{query['id']}/cancel").status_code in (200, 202)
    assert stack.wait(f"/v1/queries/{query['id']}", timeout_s=2.5)["state"] == "cancelled"


def test_flower_shows_tasks_under_their_job(stack: Stack, published: str) -> None:
    """Operators find the job's id in Flower."""
    job_id = stack.http.get(f"/v1/uploads/{published}").json()["profile_job_id"]
    answer = stack.http.get(f"{stack.flower_url}/task/{job_id}")
    assert answer.status_code == 200
    assert "headwater.profile" in answer.text


def test_one_request_id_runs_through(stack: Stack) -> None:
    """The id of the request that made a job is on the worker's lines."""
    answer = stack.http.post("/v1/uploads?filename=a.csv", content=b"a,b\n1,2\n", headers={"X-Request-Id": "trace-me-4711"})
    assert answer.headers["X-Request-Id"] == "trace-me-4711"
    stack.profile(answer.json()["id"])
    lines = [line for line in stack.log.read_text(errors="replace").splitlines() if "trace-me-4711" in line]
    assert any("worker-profile" in line for line in lines), lines
