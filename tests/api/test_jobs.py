"""Jobs over HTTP: their states, polling with ETags, cancel and retry."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from services.api.schemas.jobs import Job, JobList
from services.shared.errors import EmptyFile
from services.shared.jobs.run import Run
from services.shared.records.tables import outbox
from tests.api.house import House, code
from tests.conftest import StartHouse
from tests.stack import until


@pytest.fixture
def job(api: House) -> dict[str, Any]:
    """A profile job that waits for a worker."""
    upload = api.upload(b"a,b\n1,2\n")
    return dict(api.get(f"/v1/jobs/{upload['profile_job_id']}"))


def test_a_queued_job(job: dict[str, Any]) -> None:
    """A job that waits says what it works on and that nothing is done yet."""
    assert Job.model_validate(job).resource.type == "upload"
    assert (job["state"], job["attempt"], job["started_at"], job["error"]) == ("queued", 0, None, None)
    assert set(job["progress"].values()) == {None}


def test_polling_costs_nothing_while_nothing_changes(api: House, job: dict[str, Any]) -> None:
    """The ETag changes with the answer and only then."""
    path = f"/v1/jobs/{job['id']}"
    first = api.http.get(path)
    same = api.http.get(path, headers={"If-None-Match": f'"other", W/{first.headers["ETag"]}'})
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", first.headers["ETag"])
    api.claim(job["id"])
    changed = api.http.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (changed.status_code, changed.json()["state"], changed.json()["attempt"]) == (200, "running", 1)
    assert changed.headers["ETag"] != first.headers["ETag"]


def test_live_progress_is_shown_and_kept(api: House, job: dict[str, Any]) -> None:
    """What the running attempt reports is in the answer; another attempt's is not; the record keeps the last of it."""
    run = Run(api.claim(job["id"]), api.services.jobs, api.services.outbox, api.services.board)
    run.report(bytes_done=3, bytes_total=8, records_done=1, phase="profiling")
    shown = api.get(f"/v1/jobs/{job['id']}")
    assert (shown["phase"], shown["progress"]["percent"], shown["progress"]["bytes_done"]) == ("profiling", 37.5, 3)
    api.services.board.put(job["id"], {"attempt": 9, "phase": "stolen", "bytes_done": 8})
    run.end(EmptyFile("It is empty."))
    ended = api.get(f"/v1/jobs/{job['id']}")
    assert (ended["state"], ended["progress"]["bytes_done"], ended["progress"]["records_done"]) == ("failed", 3, 1)
    assert ended["error"]["code"] == "empty_file"
    assert ended["error"]["instance"] == f"/v1/jobs/{job['id']}"


def test_cancel_a_waiting_job(api: House, job: dict[str, Any]) -> None:
    """A job that waits ends at once; asking again changes nothing."""
    path = f"/v1/jobs/{job['id']}"
    answer = api.http.post(f"{path}/cancel")
    assert (answer.status_code, answer.json()["state"], answer.headers["Location"]) == (202, "cancelled", path)
    assert api.http.post(f"{path}/cancel").content == answer.content == api.http.get(path).content


def test_cancel_a_running_job(api: House, job: dict[str, Any]) -> None:
    """A running job is asked to stop, and its worker hears it."""
    held = api.claim(job["id"])
    asked = api.http.post(f"/v1/jobs/{job['id']}/cancel").json()
    assert asked["state"] == "running"
    assert asked["cancel_requested_at"]
    assert api.services.jobs.watch(held)


def test_a_finished_job_is_not_cancelled(api: House, job: dict[str, Any]) -> None:
    """What has ended well stays so."""
    api.work()
    assert code(api.http.post(f"/v1/jobs/{job['id']}/cancel")) == (409, "job_finished")


def test_retry_keeps_the_id(api: House, job: dict[str, Any]) -> None:
    """A failed job is queued again under its id and then succeeds; one that did not fail can't be tried again."""
    path = f"/v1/jobs/{job['id']}"
    assert code(api.http.post(f"{path}/retry")) == (409, "job_not_retryable")
    held = api.claim(job["id"])
    with api.services.database.write() as tx:
        api.services.jobs.fail(tx, held, EmptyFile("It is empty."))
    answer = api.http.post(f"{path}/retry")
    assert (answer.status_code, answer.json()["id"], answer.json()["state"], answer.json()["error"]) == (202, job["id"], "queued", None)
    api.work()
    assert api.get(path)["state"] == "succeeded"


def test_retry_after_the_upload_is_gone(api: House, job: dict[str, Any]) -> None:
    """A job whose bytes are gone can't be tried again, and says so."""
    assert api.http.post(f"/v1/jobs/{job['id']}/cancel").status_code == 202
    assert api.http.delete(f"/v1/uploads/{job['resource']['id']}").status_code == 204
    assert code(api.http.post(f"/v1/jobs/{job['id']}/retry")) == (410, "upload_gone")


def test_list_by_kind_state_and_resource(api: House, job: dict[str, Any]) -> None:
    """The list takes several kinds and states, and one resource; queries are not in it."""
    api.query("SELECT 1 AS one")
    mine = {"resource_id": job["resource"]["id"]}
    found = api.get("/v1/jobs", params={**mine, "kind": ["profile", "drop"], "state": ["succeeded", "queued"]})
    assert [one["id"] for one in JobList.model_validate(found).model_dump()["items"]] == [job["id"]]
    assert api.get("/v1/jobs", params={**mine, "kind": "publish"})["items"] == []
    assert {one["kind"] for one in api.get("/v1/jobs", params={"limit": 500})["items"]} <= {"profile", "publish", "export", "drop"}


@pytest.mark.parametrize("path", ["/v1/jobs/job_00000000000000000000000000", "/v1/jobs/nonsense", "/v1/jobs/%00"])
def test_unknown_jobs(api: House, path: str) -> None:
    """An id that no job has, in form or not, is not found."""
    assert code(api.http.get(path)) == (404, "job_not_found")
    assert code(api.http.get(f"{path}/events")) == (404, "job_not_found")
    assert code(api.http.post(f"{path}/cancel")) == (404, "job_not_found")
    assert code(api.http.post(f"{path}/retry")) == (404, "job_not_found")
    assert code(api.http.get(f"{path}/rejects")) == (404, "job_not_found")


def test_a_query_is_no_job(api: House) -> None:
    """A query has its own address only."""
    query = api.query("SELECT 1 AS one")
    assert code(api.http.get(f"/v1/jobs/{query['id']}")) == (404, "job_not_found")


def test_jobs_without_rejects(api: House, job: dict[str, Any]) -> None:
    """A job that keeps no rejects says so."""
    assert code(api.http.get(f"/v1/jobs/{job['id']}/rejects")) == (404, "rejects_not_found")
    assert code(api.http.get(f"/v1/jobs/{job['id']}/rejects.csv")) == (404, "rejects_not_found")


def test_a_retried_export_has_its_turn_at_once(start_house: StartHouse) -> None:
    """Trying again gives a free slot away and sends the message: nothing waits for the reconciler."""
    house = start_house()
    query = house.query("SELECT 1 AS one")
    export = house.http.get(f"/v1/queries/{query['id']}/download?format=parquet").json()["id"]

    def sent() -> bool:
        with house.services.database.read() as tx:
            return tx.execute(select(outbox.c.sends).where(outbox.c.job_id == export)).scalar() == 1

    until(sent, timeout_s=10, what="the message is sent")
    Run(house.claim(export), house.services.jobs, house.services.outbox, house.services.board).end(EmptyFile("It is empty."))
    assert house.http.post(f"/v1/jobs/{export}/retry").status_code == 202
    until(sent, timeout_s=10, what="the next message is sent")
