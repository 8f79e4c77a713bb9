"""Previews and profiles over HTTP while they are made, when they failed, and made anew."""

from __future__ import annotations

from typing import Any

import pytest

from services.api.schemas.jobs import Job
from services.api.schemas.profiles import Profile
from services.api.schemas.uploads import RejectList, Upload
from services.shared.errors import BinaryFile
from tests.api.house import House, code

BAD = b"a;b\n" + b"".join(b"%d;x\n" % i if i % 2 else b"%d;x;extra\n" % i for i in range(1, 3001))
NONE = "upl_00000000000000000000000000"


def test_until_the_preview_exists(api: House) -> None:
    """The preview and the profile are 202 with a time to come again, and then what was asked for."""
    upload = api.upload(b"a,b\n1,2\n")
    preview = api.http.get(f"/v1/uploads/{upload['id']}/preview")
    profile = api.http.get(f"/v1/uploads/{upload['id']}/profile")
    assert (preview.status_code, profile.status_code) == (202, 202)
    assert Upload.model_validate(preview.json()).id == upload["id"]
    assert Job.model_validate(profile.json()).id == upload["profile_job_id"]
    assert profile.headers["Location"] == f"/v1/jobs/{upload['profile_job_id']}"
    assert preview.headers["Retry-After"] == profile.headers["Retry-After"] == "1"
    assert code(api.http.get(f"/v1/uploads/{upload['id']}/rejects")) == (409, "profile_not_ready")
    assert code(api.http.get(f"/v1/uploads/{upload['id']}/rejects.csv")) == (409, "profile_not_ready")
    api.work()
    assert api.get(f"/v1/uploads/{upload['id']}/preview")["rows"] == [["1", "2"]]


def test_a_profile_that_failed(api: House) -> None:
    """What could not be profiled says why."""
    upload = api.upload(b"a,b\n1,2\n")
    job = api.claim(upload["profile_job_id"])
    with api.services.database.write() as tx:
        api.services.jobs.fail(tx, job, BinaryFile("It begins with %PDF."))
    for path in ("preview", "profile"):
        answer = api.http.get(f"/v1/uploads/{upload['id']}/{path}")
        assert code(answer) == (409, "profile_failed")
        assert "%PDF" in answer.json()["detail"]


def test_a_profile_made_anew(api: House) -> None:
    """Other settings make another profile of the same upload; the older one stays where it was."""
    upload = api.profiled(b"a;b,c\n1;2,3\n")
    old = api.get(f"/v1/uploads/{upload['id']}/profile")
    answer = api.http.post(f"/v1/uploads/{upload['id']}/profile", json={"dialect": {"delimiter": ";"}, "header": False, "null_values": ["1"]})
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/v1/jobs/{answer.json()['id']}")
    assert api.http.get(f"/v1/uploads/{upload['id']}/profile").status_code == 202
    api.work()
    new = Profile.model_validate(api.get(f"/v1/uploads/{upload['id']}/profile"))
    assert (new.dialect.delimiter, new.dialect.header, new.records, new.total_columns) == (";", False, 2, 2)
    assert new.columns[0].nulls == 1
    assert api.get(f"/v1/profiles/{old['id']}") == old
    assert new.id != old["id"]


def test_a_failed_profile_hides_no_older_one(api: House) -> None:
    """Settings that no file can be read with fail their job; the profile there was is still the newest."""
    upload = api.profiled(b"a,b\n1,2\n")
    old = api.get(f"/v1/uploads/{upload['id']}/profile")
    answer = api.http.post(f"/v1/uploads/{upload['id']}/profile", json={"dialect": {"delimiter": ";"}})
    job = api.claim(answer.json()["id"])
    with api.services.database.write() as tx:
        api.services.jobs.fail(tx, job, BinaryFile("It can't be read so."))
    assert api.get(f"/v1/uploads/{upload['id']}/profile") == old
    assert api.get(f"/v1/jobs/{job.id}")["error"]["code"] == "binary_file"


def test_a_newer_profile_supersedes_one_that_is_made(api: House) -> None:
    """Who asks again does not wait for the first."""
    upload = api.upload(b"a,b\n1,2\n")
    answer = api.http.post(f"/v1/uploads/{upload['id']}/profile")
    assert answer.status_code == 202
    assert api.get(f"/v1/jobs/{upload['profile_job_id']}")["state"] == "cancelled"
    assert api.get(f"/v1/uploads/{upload['id']}")["profile_job_id"] == answer.json()["id"]


@pytest.mark.parametrize(
    ("settings", "expected", "pointer"),
    [
        ({"dialect": {"encoding": "klingon"}}, (422, "validation_failed"), "#/dialect/encoding"),
        ({"dialect": {"encoding": "base64"}}, (422, "validation_failed"), "#/dialect/encoding"),
        ({"dialect": {"header": True}, "header": False}, (422, "validation_failed"), "#/header"),
        ({"dialect": {"delimiter": ",", "quotechar": ","}}, (422, "validation_failed"), "#/dialect/quotechar"),
        ({"dialect": {"delimiter": "\n"}}, (422, "validation_failed"), "#/dialect"),
        ({"dialect": {"delimiter": ""}}, (422, "validation_failed"), "#/dialect/delimiter"),
        ({"dialect": {"compression": "bzip2"}}, (415, "unsupported_compression"), None),
    ],
)
def test_settings_that_are_refused(api: House, settings: dict[str, Any], expected: tuple[int, str], pointer: str | None) -> None:
    """Settings that no file can be read with are refused at their place."""
    upload = api.upload(b"a,b\n1,2\n")
    answer = api.http.post(f"/v1/uploads/{upload['id']}/profile", json=settings)
    assert code(answer) == expected
    if pointer is not None:
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_rejects_in_pages_and_as_a_file(api: House) -> None:
    """Rejected records come in the order of the file, each once, on both sides of the index's steps."""
    upload = api.profiled(BAD, 'bad "rejects"\r\n.csv')
    path, found, cursor = f"/v1/uploads/{upload['id']}/rejects", [], None
    while True:
        page = RejectList.model_validate(api.get(path, params={"limit": 400, **({"cursor": cursor} if cursor else {})}))
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [reject.line for reject in found] == list(range(3, 3002, 2))
    assert (found[0].code, found[0].raw, found[0].byte_offset) == ("too_many_fields", "2;x;extra", 8)
    assert api.get(f"/v1/jobs/{upload['profile_job_id']}/rejects", params={"limit": 2})["items"][1]["line"] == 5
    file = api.http.get(f"{path}.csv")
    assert len(file.text.splitlines()) == 1501
    assert file.headers["content-type"].startswith("text/csv")
    assert file.headers["content-disposition"].isprintable()
    assert file.headers["content-disposition"].count('"') == 2
    assert code(api.http.get(path, params={"cursor": "odd"})) == (400, "invalid_cursor")


def test_ranges_of_columns(api: House) -> None:
    """A range that is no range is refused."""
    upload = api.profiled(b"a,b\n1,2\n")
    for columns in ("1", "a:b", "-1:2", "1:2:3", "1234567:"):
        assert code(api.http.get(f"/v1/profiles/{upload['profile_id']}", params={"columns": columns})) == (422, "validation_failed")
    assert code(api.http.get(f"/v1/uploads/{upload['id']}/preview", params={"rows": 1001})) == (422, "validation_failed")
    assert api.get(f"/v1/uploads/{upload['id']}/profile", params={"columns": "1:1"})["columns"] == []


def test_unknown_and_deleted_uploads(api: House) -> None:
    """What is not there, and what is no longer there, is said of every operation."""
    gone = api.upload(b"a,b\n1,2\n")["id"]
    assert api.http.delete(f"/v1/uploads/{gone}").status_code == 204
    for upload_id in (NONE, "odd", gone):
        for path in ("preview", "profile", "rejects", "rejects.csv"):
            assert code(api.http.get(f"/v1/uploads/{upload_id}/{path}"))[1] in ("upload_not_found", "upload_gone")
        assert code(api.http.post(f"/v1/uploads/{upload_id}/profile"))[1] in ("upload_not_found", "upload_gone")
    assert code(api.http.get("/v1/profiles/prf_00000000000000000000000000")) == (404, "profile_not_found")
