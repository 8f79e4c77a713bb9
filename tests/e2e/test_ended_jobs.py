"""Cancel and retry: each kind of job in each state, and whatever is stopped leaves what was there as it was."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.e2e.problems import check, check_document
from tests.freezing import caught, frozen
from tests.stack import Stack, until

ROWS = 400_000
TUS = {"Tus-Resumable": "1.0.0"}
_MANY = range(1, 22)
ENDLESS = f"""
SELECT count(*) FROM {" CROSS JOIN ".join(f"pairs p{number}" for number in _MANY)}
WHERE {" + ".join(f"p{number}.k" for number in _MANY)} = 1042"""


@pytest.fixture(scope="module")
def large() -> bytes:
    """A file that takes some seconds to read."""
    return b"k,v,w\n" + b"".join(b'%d,%d.25,"a text, with the number %d"\n' % (n, n % 977, n * 7919) for n in range(ROWS))


@pytest.fixture(scope="module")
def pairs(stack: Stack) -> str:
    """A small published upload."""
    upload = stack.upload_bytes(b"k,v\n" + b"".join(b"%d,x%d\n" % (n, n) for n in range(100)), "pairs.csv")
    assert stack.profile(upload["id"])["state"] == "succeeded"
    assert stack.publish(upload["id"], "pairs")["state"] == "succeeded"
    return str(upload["id"])


@pytest.fixture(scope="module")
def large_upload(stack: Stack, large: bytes) -> str:
    """The large file, profiled."""
    upload = stack.upload_bytes(large, "large.csv")
    assert stack.profile(upload["id"], timeout_s=100)["state"] == "succeeded"
    return str(upload["id"])


def ask(stack: Stack, path: str) -> None:
    """Ask for the end of a job."""
    answer = stack.http.post(f"{path}/cancel")
    assert answer.status_code == 202, answer.text


def cancelled(stack: Stack, path: str) -> dict[str, Any]:
    """Wait for the end within the two seconds that are promised and some for the machine, and try what an ended job refuses."""
    job = stack.wait(path, timeout_s=5)
    assert job["state"] == "cancelled", job
    assert job["cancel_requested_at"]
    assert stack.http.post(f"{path}/cancel").json()["state"] == "cancelled"
    return job


def retried(stack: Stack, job: dict[str, Any]) -> dict[str, Any]:
    """Try the job again and wait for its end; it is the same job."""
    answer = stack.http.post(f"/v1/jobs/{job['id']}/retry")
    assert answer.status_code == 202, answer.text
    assert (answer.json()["id"], answer.json()["state"], answer.json()["error"]) == (job["id"], "queued", None)
    return stack.wait(f"/v1/jobs/{job['id']}", timeout_s=100)


def test_a_profile_that_waits(stack: Stack) -> None:
    """Queued: it waits for bytes, is cancelled, and made again when the bytes are there."""
    data = b"a,b\n" + b"1,2\n" * 100_000
    address = stack.http.post("/v1/uploads", headers={**TUS, "Upload-Length": str(len(data))}).headers["Location"]
    headers = {**TUS, "Content-Type": "application/offset+octet-stream"}
    assert stack.http.patch(address, content=data[:300_000], headers={**headers, "Upload-Offset": "0"}).status_code == 204
    job_id = stack.http.get(address).json()["profile_job_id"]
    waits = {"state": "queued", "phase": "waiting_for_bytes"}
    until(lambda: waits.items() <= (stack.find(f"/v1/jobs/{job_id}") or {}).items(), timeout_s=20, what="it waits")
    ask(stack, f"/v1/jobs/{job_id}")
    job = cancelled(stack, f"/v1/jobs/{job_id}")
    assert stack.http.patch(address, content=data[300_000:], headers={**headers, "Upload-Offset": "300000"}).status_code == 204
    assert retried(stack, job)["state"] == "succeeded"
    assert stack.http.get(f"{address}/profile").json()["records"] == 100_000


def test_a_profile_at_work(stack: Stack, large: bytes) -> None:
    """Running: it stops, and tried again it ends with the right figures."""
    with caught(stack, "worker-profile", lambda: f"/v1/jobs/{stack.upload_bytes(large, 'large.csv')['profile_job_id']}") as path:
        ask(stack, path)
    job = cancelled(stack, path)
    done = retried(stack, job)
    assert done["state"] == "succeeded"
    assert stack.http.get(f"/v1/profiles/{done['result']['profile_id']}").json()["records"] == ROWS
    check(stack.http.post(f"{path}/cancel"), 409, "job_finished", job["id"], "succeeded")
    check(stack.http.post(f"{path}/retry"), 409, "job_not_retryable", job["id"], "succeeded")


def test_a_publish_that_waits(stack: Stack, pairs: str) -> None:
    """Queued: its name is free again, and so is a dataset that was to be replaced."""
    with frozen(stack, "worker-publish"):
        creating = stack.http.post("/v1/datasets", json={"upload_id": pairs, "name": "never"}).headers["Location"]
        replacing = stack.http.post("/v1/datasets", json={"upload_id": pairs, "name": "pairs", "mode": "append"}).headers["Location"]
        check(stack.http.post("/v1/datasets", json={"upload_id": pairs, "name": "pairs", "mode": "append"}), 409, "dataset_busy", "pairs")
        check(stack.http.post(f"{creating}/retry"), 409, "job_not_retryable", "queued")
        for path in (creating, replacing):
            ask(stack, path)
        stopped = [cancelled(stack, path) for path in (creating, replacing)]
    check(stack.http.get("/v1/datasets/never"), 404, "dataset_not_found", "never")
    assert stack.rows("SELECT count(*) FROM pairs") == [["100"]]
    assert retried(stack, stopped[0])["state"] == "succeeded"
    assert stack.rows("SELECT count(*) FROM never") == [["100"]]


def test_a_publish_at_work(stack: Stack, large_upload: str) -> None:
    """Running: nothing is published, and tried again everything is."""
    with caught(stack, "worker-publish", partial(stack.start_publish, large_upload, "large")) as path:
        ask(stack, path)
    job = cancelled(stack, path)
    check(stack.http.get("/v1/datasets/large"), 404, "dataset_not_found", "large")
    check(stack.http.post("/v1/queries", json={"sql": "SELECT * FROM large"}), 422, "table_not_found", "large")
    assert retried(stack, job)["state"] == "succeeded"
    assert stack.rows("SELECT count(*), sum(k) FROM large") == [[str(ROWS), str(ROWS * (ROWS - 1) // 2)]]
    check(stack.http.post(f"{path}/cancel"), 409, "job_finished", job["id"], "succeeded")


def test_a_drop(stack: Stack, pairs: str) -> None:
    """Queued: the dataset stays, works, and can be dropped by the same job later; an ended drop can't be cancelled."""
    assert stack.publish(pairs, "dropped")["state"] == "succeeded"
    with frozen(stack, "worker-publish"), frozen(stack, "housekeeping"):
        path = stack.http.delete("/v1/datasets/dropped").headers["Location"]
        ask(stack, path)
        job = cancelled(stack, path)
    assert stack.http.get("/v1/datasets/dropped").json()["state"] == "ready"
    assert stack.rows("SELECT count(*) FROM dropped") == [["100"]]
    assert retried(stack, job)["state"] == "succeeded"
    check(stack.http.get("/v1/datasets/dropped"), 404, "dataset_not_found", "dropped")
    check(stack.http.post(f"{path}/cancel"), 409, "job_finished", job["id"])


def test_queries(stack: Stack, pairs: str) -> None:
    """Queued and running: both stop, neither has a result, and an ended query can't be cancelled."""
    assert pairs
    with caught(stack, "query", partial(stack.start_query, ENDLESS)) as at_work:
        check(stack.http.get(f"{at_work}/results"), 409, "query_not_finished", "running")
        ask(stack, at_work)
    cancelled(stack, at_work)
    with frozen(stack, "query"):
        waits = stack.start_query("SELECT 1 AS one")
        ask(stack, waits)
        cancelled(stack, waits)
    for path in (at_work, waits):
        check(stack.http.get(f"{path}/results"), 409, "query_cancelled", path.rsplit("/", 1)[1])
    done = stack.query("SELECT count(*) FROM pairs")
    check(stack.http.post(f"/v1/queries/{done['id']}/cancel"), 409, "query_finished", done["id"])


def test_an_export(stack: Stack, pairs: str) -> None:
    """Queued: the file is not made, and asked for again it is."""
    assert pairs
    query = stack.query("SELECT k, v FROM pairs ORDER BY k")
    path = f"/v1/queries/{query['id']}/download?format=parquet"
    with frozen(stack, "query"):
        export = stack.http.get(path).headers["Location"]
        ask(stack, export)
        cancelled(stack, export)
    again = stack.http.get(path)
    assert again.status_code == 202
    assert stack.wait(again.headers["Location"])["state"] == "succeeded"
    assert stack.http.get(path).content[:4] == b"PAR1"


def test_failed_jobs(stack: Stack, pairs: str) -> None:
    """A failed job is tried again under its id and fails for the same reason; it can't be cancelled."""
    profile = stack.profile(stack.upload_bytes(b"\x89PNG\r\n\x1a\n")["id"])
    publish = stack.publish(pairs, "failing", columns=[{"source_name": "v", "type": "bigint"}])
    for job, status, code in ((profile, 415, "binary_file"), (publish, 422, "too_many_rejects")):
        assert job["state"] == "failed"
        check(stack.http.post(f"/v1/jobs/{job['id']}/cancel"), 409, "job_finished", job["id"], "failed")
        again = retried(stack, job)
        assert (again["id"], again["state"]) == (job["id"], "failed")
        check_document(again["error"], status, code)
        assert again["attempt"] > job["attempt"]
