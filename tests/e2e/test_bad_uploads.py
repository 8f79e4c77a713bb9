"""Uploads with every mistake, and beyond every limit: each gets a problem that names the value, and nothing that was there is touched."""

from __future__ import annotations

import base64
import gzip
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.api.house import House
from tests.e2e.problems import check, check_document
from tests.stack import Stack, running

TUS = {"Tus-Resumable": "1.0.0"}
PATCH = {**TUS, "Content-Type": "application/offset+octet-stream"}


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
