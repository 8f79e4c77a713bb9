"""tus 1.0.0, request by request."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.api.uploads.server import BYTES, TUS, Server, checksum, content, metadata

UNKNOWN = "/v1/uploads/upl_01k5w8h3v2e9fbnx0q4rtz7m6c"


def test_options_names_version_extensions_and_limits(api: Server) -> None:
    """OPTIONS needs no version and says all that a client may use."""
    answer = api.http.options("/v1/uploads")
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "termination",
        "checksum",
        "expiration",
        "concatenation",
    }
    assert answer.headers["Tus-Max-Size"] == str(64 * 2**20)
    assert "sha1" in answer.headers["Tus-Checksum-Algorithm"].split(",")


def test_an_upload_in_pieces(api: Server) -> None:
    """Creation, HEAD, PATCHes of any size: the bytes are those that were sent, and HEAD is never cached."""
    data = content(900_001)
    named = metadata(filename="ordérs.csv", filetype="text/csv")
    path = api.create(len(data), Upload_Metadata=named)
    assert api.offset(path) == 0
    for start, end in ((0, 1), (1, 300_000), (300_000, 300_000), (300_000, len(data))):
        answer = api.patch(path, start, data[start:end])
        assert (answer.status_code, answer.headers["Upload-Offset"], answer.headers["Tus-Resumable"]) == (204, str(end), "1.0.0")
    head = api.head(path)
    assert head.status_code == 200
    assert head.headers["Cache-Control"] == "no-store"
    assert head.headers["Upload-Length"] == head.headers["Upload-Offset"] == str(len(data))
    assert head.headers["Upload-Metadata"] == named
    shown = api.get(path)
    assert (shown["filename"], shown["state"], shown["size"]) == ("ordérs.csv", "complete", len(data))
    assert api.stored(path) == data


def test_creation_with_upload(api: Server) -> None:
    """The first bytes may come with the creation, with their checksum."""
    data = content(1000)
    headers = {**BYTES, "Upload-Length": "1000", "Upload-Checksum": checksum(data[:600], "sha256")}
    answer = api.http.post("/v1/uploads", content=data[:600], headers=headers)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "600")
    assert answer.json()["offset"] == 600
    assert api.patch(answer.headers["Location"], 600, data[600:]).status_code == 204
    assert api.stored(answer.headers["Location"]) == data


def test_empty_upload_is_complete_at_once(api: Server) -> None:
    """A length of 0 needs no PATCH."""
    path = api.create(0)
    assert api.get(path)["state"] == "complete"
    assert api.get(path)["profile_job_id"] is not None


def test_deferred_length(api: Server) -> None:
    """A length that comes later completes the upload, may be said again, and can't change or be too small."""
    path = api.create(None)
    assert api.head(path).headers["Upload-Defer-Length"] == "1"
    assert "Upload-Length" not in api.head(path).headers
    assert api.patch(path, 0, b"abc").status_code == 204
    assert api.patch(path, 3, b"", Upload_Length="2").status_code == 409
    assert api.patch(path, 3, b"de", Upload_Length="7").headers["Upload-Offset"] == "5"
    assert api.patch(path, 5, b"", Upload_Length="8").status_code == 409
    assert api.patch(path, 5, b"fg", Upload_Length="7").status_code == 204
    assert api.get(path)["state"] == "complete"
    late = api.create(None)
    api.patch(late, 0, b"abc")
    assert api.patch(late, 3, b"", Upload_Length="3").status_code == 204
    assert api.get(late)["state"] == "complete"
    assert api.patch(late, 3, b"", Upload_Length="3").status_code == 204, "said again after its answer was lost"
    assert api.patch(late, 3, b"", Upload_Length="4").status_code == 409


def test_termination(api: Server) -> None:
    """DELETE frees the bytes; the address is unknown afterwards."""
    path = api.create(10)
    api.patch(path, 0, b"12345")
    answer = api.http.delete(path, headers=TUS)
    assert (answer.status_code, answer.headers["Tus-Resumable"]) == (204, "1.0.0")
    assert api.head(path).status_code == 404
    assert api.patch(path, 5, b"67890").status_code == 404
    assert api.http.delete(path).status_code == 404
    assert path.rpartition("/")[2] not in set(api.parts.list_ids())


def test_expiry_is_announced_while_unfinished(api: Server) -> None:
    """Upload-Expires is on creation, PATCH and HEAD until the upload is complete."""
    created = api.http.post("/v1/uploads", headers={**TUS, "Upload-Length": "4"})
    expires = parsedate_to_datetime(created.headers["Upload-Expires"])
    path = created.headers["Location"]
    assert parsedate_to_datetime(api.patch(path, 0, b"ab").headers["Upload-Expires"]) == expires
    assert parsedate_to_datetime(api.head(path).headers["Upload-Expires"]) == expires
    assert "Upload-Expires" not in api.patch(path, 2, b"cd").headers


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Tus-Resumable": "0.2.2", "Upload-Length": "1"}, 412, "tus_version_unsupported"),
        ({**TUS}, 400, "bad_request"),
        ({**TUS, "Upload-Length": "-1"}, 400, "bad_request"),
        ({**TUS, "Upload-Length": "1.5"}, 400, "bad_request"),
        ({**TUS, "Upload-Length": "9" * 30}, 400, "bad_request"),
        ({**TUS, "Upload-Length": str(64 * 2**20 + 1)}, 413, "upload_too_large"),
        ({**TUS, "Upload-Defer-Length": "2"}, 400, "bad_request"),
        ({**TUS, "Upload-Defer-Length": "1", "Upload-Length": "4"}, 400, "bad_request"),
        ({**TUS, "Upload-Length": "4", "Upload-Metadata": "filename ###"}, 400, "bad_request"),
        ({**TUS, "Upload-Length": "4", "Upload-Metadata": "a YQ==,a YQ=="}, 400, "bad_request"),
        ({**TUS, "Upload-Length": "4", "Upload-Metadata": metadata(sha256="xyz")}, 400, "bad_request"),
        ({**TUS, "Upload-Length": "4", "Upload-Concat": "half"}, 400, "bad_request"),
        ({**TUS, "Upload-Concat": "final;"}, 400, "concatenation_invalid"),
        ({**TUS, "Upload-Concat": "final;https://elsewhere/x"}, 400, "concatenation_invalid"),
        ({**TUS, "Upload-Concat": f"final;{UNKNOWN}"}, 404, "upload_not_found"),
        ({**TUS, "Upload-Length": "4", "Upload-Offset": "2"}, 400, "bad_request"),
        ({**TUS, "Upload-Length": "4", "Upload-Checksum": "crc32 AAAA"}, 400, "checksum_unsupported"),
    ],
)
def test_refused_creations(api: Server, headers: dict[str, str], status: int, code: str) -> None:
    """A creation that means nothing, or too much, is refused by name and speaks tus."""
    answer = api.http.post("/v1/uploads", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    if status == 412:
        assert answer.headers["Tus-Version"] == "1.0.0"


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"Tus-Resumable": "2.0.0"}, 412, "tus_version_unsupported"),
        ({"Tus-Resumable": None}, 412, "tus_version_unsupported"),
        ({"Content-Type": "application/octet-stream"}, 415, "unsupported_media_type"),
        ({"Content-Type": None}, 415, "unsupported_media_type"),
        ({"Upload-Offset": None}, 400, "bad_request"),
        ({"Upload-Offset": "x"}, 400, "bad_request"),
        ({"Upload-Offset": "0"}, 409, "offset_mismatch"),
        ({"Upload-Offset": "6"}, 409, "offset_mismatch"),
        ({"Upload-Checksum": "sha1"}, 400, "bad_request"),
        ({"Upload-Checksum": "sha1 YWJj"}, 400, "bad_request"),
        ({"Upload-Checksum": "sha512 YWJj"}, 400, "checksum_unsupported"),
    ],
)
def test_refused_patches(api: Server, changed: dict[str, str | None], status: int, code: str) -> None:
    """A PATCH that is not right changes nothing."""
    path = api.create(10)
    api.patch(path, 0, b"12345")
    headers = {key: value for key, value in {**BYTES, "Upload-Offset": "5", **changed}.items() if value is not None}
    answer = api.http.patch(path, content=b"678", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert api.offset(path) == 5
    assert api.stored(path) == b"12345"


def test_more_bytes_than_announced(api: Server) -> None:
    """A body that goes past the upload's length is refused before those bytes count."""
    path = api.create(10)
    assert api.patch(path, 0, b"12345678901").status_code == 413
    assert api.offset(path) == 0
    assert api.patch(path, 0, iter([b"12345", b"678901"])).status_code == 413
    assert api.offset(path) in {0, 5}


def test_head_needs_the_version_and_an_upload(api: Server) -> None:
    """HEAD without the version is 412; of what does not exist, 404."""
    assert api.http.head(api.create(1)).status_code == 412
    assert api.head(UNKNOWN).status_code == 404
    assert api.head("/v1/uploads/%2e%2e%2fsecret").status_code == 404
    assert api.http.get(UNKNOWN).json()["code"] == "upload_not_found"


def test_refusal_reaches_a_client_that_is_still_sending(api: Server) -> None:
    """A wrong offset is answered while a large body is on its way."""
    path = api.create(50_000_000)
    with httpx.Client(base_url=api.url, trust_env=False, timeout=30) as client:
        answer = client.patch(path, content=bytes(50_000_000), headers={**BYTES, "Upload-Offset": "7"})
    assert answer.json()["code"] == "offset_mismatch"


def test_list_shows_uploads_and_no_partial_ones(api: Server) -> None:
    """The newest is first; partial uploads are pieces only; the filters and the cursor hold."""
    names = [f"listed-{number}.csv" for number in range(3)]
    paths = [api.create(5, Upload_Metadata=metadata(filename=name)) for name in names]
    api.create(5, Upload_Concat="partial", Upload_Metadata=metadata(filename="listed-partial.csv"))
    first = api.http.get("/v1/uploads", params={"q": "LISTED-", "limit": 2}).json()
    rest = api.http.get("/v1/uploads", params={"q": "LISTED-", "limit": 2, "cursor": first["next_cursor"]}).json()
    assert [item["filename"] for item in first["items"] + rest["items"]] == names[::-1]
    assert rest["next_cursor"] is None
    api.patch(paths[0], 0, b"12345")
    complete = api.http.get("/v1/uploads", params={"q": "listed-", "state": "complete"}).json()
    assert [item["id"] for item in complete["items"]] == [paths[0].rpartition("/")[2]]
    wrong = api.http.get("/v1/uploads", params={"cursor": first["next_cursor"]})
    assert wrong.json()["code"] == "invalid_cursor"
