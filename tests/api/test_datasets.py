"""Publishing over HTTP: what is refused before anything is changed, and what a publish holds while it runs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from services.shared.errors import EmptyFile
from services.shared.publish_contract import PublishContract
from services.shared.records.tables import audit
from tests.api.house import House, code
from tests.conftest import StartHouse

CSV = b"ID,Day,Amount,Note\n1,03.02.2026,1.50,x\n2,04.02.2026,n,y\n3,05.02.2026,2.25,z\n"


@pytest.fixture(scope="module")
def upload(api: House) -> dict[str, Any]:
    """A profiled upload whose third column is not a number everywhere."""
    return api.profiled(CSV, "amounts.csv")


def post(api: House, upload: dict[str, Any], name: str, **request: Any) -> httpx.Response:
    """Ask for a publish."""
    return api.http.post("/v1/datasets", json={"upload_id": upload["id"], "name": name, **request})


def problems(answer: httpx.Response) -> dict[str, str]:
    """Return the problems of a refused contract by their place."""
    assert code(answer) == (422, "contract_invalid")
    return {error["pointer"]: error["detail"] for error in answer.json()["errors"]}


@pytest.mark.parametrize("name", ["Orders", "1a", "a-b", "", "a" * 64, "a b", "ä", "../x"])
def test_illegal_names(api: House, upload: dict[str, Any], name: str) -> None:
    """A name that no table can have is refused and named."""
    answer = post(api, upload, name)
    assert code(answer) == (422, "validation_failed")
    assert answer.json()["errors"][0]["pointer"] == "#/name"
    assert name in answer.json()["detail"]


@pytest.mark.parametrize("name", ["select", "table", "order", "date", "values"])
def test_reserved_names(api: House, upload: dict[str, Any], name: str) -> None:
    """A word of SQL is refused by name."""
    answer = post(api, upload, name)
    assert code(answer) == (422, "invalid_name")
    assert name in answer.json()["detail"]


def test_unknown_uploads_and_profiles(api: House, upload: dict[str, Any]) -> None:
    """What is published has to exist, and the profile has to be the upload's."""
    other = api.profiled(b"a\n1\n")
    missing = {"id": "upl_00000000000000000000000000"}
    assert code(post(api, missing, "unknown")) == (404, "upload_not_found")
    assert code(post(api, upload, "unknown", profile_id="prf_00000000000000000000000000")) == (404, "profile_not_found")
    assert code(post(api, upload, "unknown", profile_id=other["profile_id"])) == (404, "profile_not_found")
    assert code(post(api, upload, "unknown", mode="append")) == (404, "dataset_not_found")


def test_publishing_before_the_profile_is_done(api: House) -> None:
    """Until the profile is finished there is nothing to publish by; when it failed, it says why."""
    early = api.upload(CSV)
    assert code(post(api, early, "early")) == (409, "profile_not_ready")
    job = api.claim(early["profile_job_id"])
    with api.services.database.write() as tx:
        api.services.jobs.fail(tx, job, EmptyFile("It is empty."))
    refused = post(api, early, "early")
    assert code(refused) == (409, "profile_failed")
    assert "empty_file" in refused.json()["detail"]


def test_a_contract_that_does_not_fit(api: House, upload: dict[str, Any]) -> None:
    """Everything wrong is said at once, each at its place, with its value."""
    columns = [
        {"source_name": "Nope"},
        {"source_name": "ID", "name": "note"},
        {"source_name": "Amount", "type": "decimal(50,2)"},
        {"source_name": "ID"},
        {"source_name": "Day", "type": "date", "format": "%d.%m.%q"},
    ]
    found = problems(post(api, upload, "unfit", columns=columns))
    assert "Nope" in found["#/columns/0/source_name"]
    assert "decimal(50,2)" in found["#/columns/2/type"]
    assert "only 1 of its columns" in found["#/columns/3/source_name"]
    assert "%q" in found["#/columns/4/format"]
    assert any("note" in detail for detail in found.values())
    assert problems(post(api, upload, "unfit", columns=[{"source_name": name, "include": False} for name in ("ID", "Day", "Amount", "Note")]))
    assert "%Y" in problems(post(api, upload, "unfit", columns=[{"source_name": "Day", "type": "date", "format": "%d.%m"}]))["#/columns/0/format"]
    assert "bigint" in problems(post(api, upload, "unfit", columns=[{"source_name": "ID", "format": "%Y"}]))["#/columns/0/format"]
    assert code(post(api, upload, "unfit", columns=[{"source_name": "ID", "type": "text"}])) == (422, "validation_failed")
    assert code(post(api, upload, "unfit", expected_version=1)) == (422, "validation_failed")
    assert code(api.http.get("/v1/datasets/unfit")) == (404, "dataset_not_found")


def test_a_type_that_the_profile_says_would_fail(api: House, upload: dict[str, Any]) -> None:
    """A type that loses values is only accepted where they are set aside."""
    columns = [{"source_name": "Amount", "type": "double"}]
    refused = problems(post(api, upload, "strict", columns=columns, on_reject="fail"))
    assert "'n' in line 3" in refused["#/columns/0/type"]
    assert api.publish(upload["id"], "lenient", columns=columns, on_reject="quarantine", max_reject_ratio=0.5)["state"] == "succeeded"
    rejected = api.get("/v1/datasets/lenient/versions/1/rejects")["items"]
    assert [(one["line"], one["code"]) for one in rejected] == [(3, "cast_failed")]
    file = api.http.get("/v1/datasets/lenient/versions/1/rejects.csv")
    assert file.text.splitlines()[0] == "line,byte_offset,code,detail,raw"
    assert "lenient-v1.rejects.csv" in file.headers["Content-Disposition"]
    assert len(file.text.splitlines()) == 2


def test_rejects_of_a_failed_publish(api: House, upload: dict[str, Any]) -> None:
    """A publish that failed for its rejects still shows them."""
    job = api.publish(upload["id"], "too_strict", columns=[{"source_name": "Amount", "type": "double"}], max_reject_ratio=0)
    assert (job["state"], job["error"]["code"]) == ("failed", "too_many_rejects")
    assert [one["line"] for one in api.get(f"/v1/jobs/{job['id']}/rejects")["items"]] == [3]
    assert len(api.http.get(f"/v1/jobs/{job['id']}/rejects.csv").text.splitlines()) == 2
    assert code(api.http.get("/v1/datasets/too_strict")) == (404, "dataset_not_found")


def test_the_job_carries_the_whole_contract(api: House, upload: dict[str, Any]) -> None:
    """Names, types, formats and what is left out are decided when the publish is accepted."""
    columns = [
        {"source_name": "Day", "name": "day", "type": "date", "format": "%d.%m.%Y", "comment": "The day"},
        {"source_name": "Note", "include": False},
    ]
    answer = post(api, upload, "contracted", columns=columns, max_reject_ratio=0.25)
    contract = PublishContract.from_json(api.services.jobs.get(answer.json()["id"]).params)
    assert [(one.name, one.type, one.include) for one in contract.columns][:2] == [("id", "bigint", True), ("day", "date", True)]
    assert (contract.columns[1].format, contract.columns[1].comment, contract.columns[3].include) == ("%d.%m.%Y", "The day", False)
    assert (contract.version, contract.expected_version, contract.max_reject_ratio) == (1, None, 0.25)
    api.work()
    dataset = api.get("/v1/datasets/contracted")
    assert [(one["name"], one["type"]) for one in dataset["columns"]] == [("id", "bigint"), ("day", "date"), ("amount", "string")]
    assert api.get(f"/v1/queries/{api.query('SELECT max(day) FROM contracted')['id']}/results")["rows"] == [["2026-02-05"]]


def test_changes_are_audited(api: House) -> None:
    """A publish, a drop and a deletion each leave a row that says who, what and in which request; what is refused leaves none."""
    upload = api.profiled(b"a,b\n1,2\n")
    assert api.publish(upload["id"], "audited")["state"] == "succeeded"
    assert api.http.post("/v1/datasets", json={"upload_id": upload["id"], "name": "audited"}).status_code == 409
    dataset_id = api.get("/v1/datasets/audited")["id"]
    dropped = api.http.delete("/v1/datasets/audited", headers={"X-Request-Id": "drop-it"})
    assert dropped.status_code == 202
    api.work()
    assert api.http.delete(f"/v1/uploads/{upload['id']}").status_code == 204
    with api.services.database.read() as tx:
        rows = tx.execute(select(audit).where(audit.c.resource_id.in_([dataset_id, upload["id"]])).order_by(audit.c.at)).all()
    assert [(row.action, row.actor) for row in rows] == [("dataset.publish", "local"), ("dataset.drop", "local"), ("upload.delete", "local")]
    assert rows[0].detail["upload_id"] == upload["id"]
    assert (rows[1].request_id, rows[1].detail["job_id"]) == ("drop-it", dropped.json()["id"])


def test_only_the_columns_that_are_named(api: House) -> None:
    """`other_columns: leave_out` publishes what `columns` names and nothing else, in the order of the file."""
    upload = api.profiled(b"a,b,c\n1,2,3\n")
    body = {"upload_id": upload["id"], "name": "few", "other_columns": "leave_out", "columns": [{"source_name": "c"}, {"source_name": "a"}]}
    job = api.http.post("/v1/datasets", json=body).json()
    columns = api.services.jobs.get(job["id"]).params["columns"]
    assert [column["name"] for column in columns if column["include"]] == ["a", "c"]


def test_the_name_is_taken_at_once(api: House, upload: dict[str, Any]) -> None:
    """While a create runs its name is taken and nothing else changes the dataset; a failed one gives the name back."""
    accepted = post(api, upload, "taken")
    assert (accepted.status_code, api.get("/v1/datasets/taken")["state"]) == (202, "creating")
    assert api.get("/v1/datasets/taken")["last_job_id"] == accepted.json()["id"]
    assert code(post(api, upload, "taken")) == (409, "dataset_exists")
    assert code(post(api, upload, "taken", mode="append")) == (409, "dataset_busy")
    assert code(api.http.delete("/v1/datasets/taken")) == (409, "dataset_busy")
    assert code(api.http.get("/v1/datasets/taken/receipt")) == (404, "version_not_found")
    assert api.http.post(f"/v1/jobs/{accepted.json()['id']}/cancel").json()["state"] == "cancelled"
    assert code(api.http.get("/v1/datasets/taken")) == (404, "dataset_not_found")
    again = post(api, upload, "taken")
    assert again.status_code == 202
    assert code(api.http.post(f"/v1/jobs/{accepted.json()['id']}/retry")) == (409, "dataset_exists")
    api.work()
    assert api.get("/v1/datasets/taken")["version"] == 1


def test_of_many_creates_one_wins(api: House, upload: dict[str, Any]) -> None:
    """Ten creates of one name at once: one is accepted."""
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: post(api, upload, "contested"), range(10)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 9
    assert {code(answer) for answer in answers if answer.status_code == 409} == {(409, "dataset_exists")}
    api.work()


def test_versions_that_move(api: House, upload: dict[str, Any]) -> None:
    """A change that expects another version is refused, and what fails leaves the dataset as it was."""
    assert api.publish(upload["id"], "moving")["state"] == "succeeded"
    assert code(post(api, upload, "moving")) == (409, "dataset_exists")
    assert code(post(api, upload, "moving", mode="replace", expected_version=2)) == (409, "version_conflict")
    before = api.get("/v1/datasets/moving")
    running = post(api, upload, "moving", mode="replace")
    assert code(post(api, upload, "moving", mode="append")) == (409, "dataset_busy")
    assert code(api.http.post("/v1/datasets/moving/versions/1/restore")) == (409, "dataset_busy")
    assert api.http.post(f"/v1/jobs/{running.json()['id']}/cancel").status_code == 202
    after = api.get("/v1/datasets/moving")
    assert {**after, "last_job_id": None, "updated_at": None} == {**before, "last_job_id": None, "updated_at": None}
    assert code(api.http.post("/v1/datasets/moving/versions/7/restore")) == (404, "version_not_found")
    assert code(api.http.post("/v1/datasets/moving/versions/none/restore")) == (422, "validation_failed")
    assert code(api.http.delete("/v1/datasets/none")) == (404, "dataset_not_found")


def test_an_append_keeps_the_contract(api: House, upload: dict[str, Any]) -> None:
    """Columns are matched by name; a missing one needs a word, an extra one and another type are refused."""
    assert api.publish(upload["id"], "growing", columns=[{"source_name": "ID", "type": "string"}])["state"] == "succeeded"
    less = api.profiled(b"ID,Day,Amount\n4,x,y\n")
    more = api.profiled(b"ID,Day,Amount,Note,Extra\n5,x,y,z,e\n")
    assert "note" in problems(post(api, less, "growing", mode="append"))["#/columns"]
    assert "extra" in problems(post(api, more, "growing", mode="append"))["#/columns"]
    assert "string" in problems(post(api, upload, "growing", mode="append", columns=[{"source_name": "ID", "type": "bigint"}]))["#/columns/0/type"]
    job = api.publish(less["id"], "growing", mode="append", on_missing_column="null")
    assert job["state"] == "succeeded", job["error"]
    left_out = api.publish(more["id"], "growing", mode="append", columns=[{"source_name": "Extra", "include": False}])
    assert left_out["state"] == "succeeded", left_out["error"]
    query = api.query("SELECT id, note FROM growing ORDER BY 1")
    assert api.get(f"/v1/queries/{query['id']}/results")["rows"] == [["1", "x"], ["2", "y"], ["3", "z"], ["4", None], ["5", "z"]]


def test_columns_of_the_same_name(api: House) -> None:
    """The n-th request of a name means the n-th column of that name."""
    upload = api.profiled(b"x,x,x\n1,2,3\n")
    columns = [{"source_name": "x", "name": "first"}, {"source_name": "x", "include": False}, {"source_name": "x", "name": "third"}]
    assert api.publish(upload["id"], "doubled", columns=columns)["state"] == "succeeded"
    assert [one["name"] for one in api.get("/v1/datasets/doubled")["columns"]] == ["first", "third"]


def test_a_full_disk(start_house: StartHouse) -> None:
    """A publish is refused before the disk is full."""
    house = start_house(workers=1)
    upload = house.profiled(CSV)
    house.server.terminate()
    house.server.settings["min_free_bytes"] = 2**60
    house.server.start()
    assert code(post(house, upload, "no_room")) == (507, "insufficient_storage")
