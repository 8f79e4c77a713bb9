"""Concatenation: parallel partial uploads become one without a byte copied."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.uploads.server import TUS, Server, content, metadata


@pytest.mark.parametrize("absolute", [True, False])
def test_four_parallel_partials(api: Server, absolute: bool) -> None:
    """The final upload is the partials' bytes in the order named, complete at once, profiled, and listed alone."""
    data = content(8_000_000)
    quarters = [data[start : start + 2_000_000] for start in range(0, len(data), 2_000_000)]
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda quarter: _partial(api, quarter), quarters))
    addresses = " ".join(api.url + path if absolute else path for path in paths)
    named = metadata(filename="joined.csv")
    answer = api.http.post("/v1/uploads", headers={**TUS, "Upload-Concat": f"final;{addresses}", "Upload-Metadata": named})
    assert answer.status_code == 201
    final = answer.headers["Location"]
    assert answer.headers["Upload-Offset"] == str(len(data))
    shown = api.get(final)
    assert (shown["state"], shown["size"], shown["filename"]) == ("complete", len(data), "joined.csv")
    assert shown["profile_job_id"] is not None
    assert api.get(paths[0])["profile_job_id"] is None
    assert api.stored(final) == data
    head = api.head(final)
    assert head.headers["Upload-Concat"] == f"final;{addresses}"
    assert head.headers["Upload-Length"] == str(len(data))
    assert api.head(paths[0]).headers["Upload-Concat"] == "partial"
    for path in paths:
        assert api.http.delete(path).status_code == 204
    assert api.stored(final) == data
    assert api.http.delete(final).status_code == 204
    assert not {path.rpartition("/")[2] for path in paths} & set(api.parts.list_ids())


def test_final_takes_no_bytes_of_its_own(api: Server) -> None:
    """PATCH on a final upload is 403, as is a creation of one with a body."""
    path = _partial(api, b"abc")
    final = api.http.post("/v1/uploads", headers={**TUS, "Upload-Concat": f"final;{path}"}).headers["Location"]
    refused = api.patch(final, 3, b"x")
    assert (refused.status_code, refused.json()["code"]) == (403, "upload_is_final")
    with_body = api.http.post("/v1/uploads", content=b"x", headers={**TUS, "Upload-Concat": f"final;{path}"})
    assert with_body.status_code == 403


def test_only_complete_partials_are_joined(api: Server) -> None:
    """An unfinished partial, and an upload that is no partial, are refused by name."""
    unfinished = api.create(5, Upload_Concat="partial")
    whole = api.create(0)
    for path in (unfinished, whole):
        answer = api.http.post("/v1/uploads", headers={**TUS, "Upload-Concat": f"final;{path}"})
        assert answer.json()["code"] == "concatenation_invalid"
        assert path.rpartition("/")[2] in answer.json()["detail"]


def test_sum_beyond_the_limit(api: Server) -> None:
    """A final upload is not larger than any other may be."""
    path = _partial(api, bytes(30_000_000))
    answer = api.http.post("/v1/uploads", headers={**TUS, "Upload-Concat": "final;" + " ".join([path] * 3)})
    assert answer.json()["code"] == "upload_too_large"


def _partial(api: Server, data: bytes) -> str:
    path = api.create(len(data), Upload_Concat="partial")
    assert api.patch(path, 0, data).status_code == 204
    return path
