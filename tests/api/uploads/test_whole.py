"""A whole file in one plain request."""

from __future__ import annotations

import hashlib
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from services.shared.records.tables import jobs, outbox
from tests.api.uploads.server import Server, answer_of, content, until


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 20_000_000])
def test_whole_body(api: Server, size: int, chunked: bool) -> None:
    """Any length, chunked or not, is stored and profiled."""
    data = content(size)
    pieces = (data[start : start + 100_000] for start in range(0, size, 100_000))
    answer = api.http.post("/v1/uploads", params={"filename": "großé.csv"}, content=pieces if chunked else data)
    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["filename"], shown["state"], shown["size"], shown["offset"]) == ("großé.csv", "complete", size, size)
    assert shown["profile_job_id"] is not None
    assert shown == api.get(answer.headers["Location"])
    assert api.stored(answer.headers["Location"]) == data


def test_curl(api: Server, tmp_path: Path) -> None:
    """`curl -X POST -T` works as the guide says, from a file and from a pipe."""
    data = content(3_000_000)
    (tmp_path / "big.csv").write_bytes(data)
    for source in ("big.csv", "-"):
        done = subprocess.run(
            ["curl", "-sS", "-X", "POST", "-T", source, f"{api.url}/v1/uploads?filename=curl.csv", "-o", "answer.json", "-w", "%header{location}"],
            cwd=tmp_path,
            input=data if source == "-" else None,
            capture_output=True,
            check=True,
        )
        assert api.stored(done.stdout.decode()) == data


@pytest.mark.parametrize("chunked", [False, True])
def test_cut_short_is_failed(api: Server, chunked: bool) -> None:
    """A connection that ends early leaves a failed upload that names the reason, never a complete one."""
    name = f"cut-{chunked}.csv"
    framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": "1000000"}
    connection = api.raw("POST", f"/v1/uploads?filename={name}", framing)
    connection.sendall(b"61A80\r\n" + bytes(400_000) + b"\r\n" if chunked else bytes(400_000))
    started = until(lambda: [item for item in _listed(api, name) if item["offset"] >= 256 * 1024], what="the first part counts")
    assert started[0]["state"] == "receiving"
    assert started[0]["profile_job_id"] is not None
    connection.close()
    failed = until(lambda: [item for item in _listed(api, name) if item["state"] == "failed"], what="the upload is failed")[0]
    assert (failed["error"]["code"], failed["offset"]) == ("upload_incomplete", 400_000)
    assert api.patch(f"/v1/uploads/{failed['id']}", 400_000, b"x").status_code == 409


def test_silent_connection_is_ended(api: Server) -> None:
    """Who sends nothing for the idle time is answered 408 and let go; the upload is failed."""
    connection = api.raw("POST", "/v1/uploads?filename=silent.csv", {"Content-Length": "1000"})
    connection.sendall(b"only this")
    status, received = answer_of(connection)
    assert status == 408
    assert b"upload_idle" in received
    assert _listed(api, "silent.csv")[0]["error"]["code"] == "upload_idle"


def test_slow_upload_can_be_followed(api: Server) -> None:
    """A trickle is stored every part's time, so that work can follow it."""
    connection = api.raw("POST", "/v1/uploads?filename=slow.csv", {"Content-Length": "30"})
    for sent in (10, 20, 30):
        connection.sendall(b"0123456789")
        until(lambda sent=sent: [item for item in _listed(api, "slow.csv") if item["offset"] == sent], what=f"{sent} bytes count")  # type: ignore[misc]
    assert answer_of(connection)[0] == 201


@pytest.mark.parametrize(
    ("given", "shown"),
    [("../../etc/passwd", "passwd"), ("C:\\fakepath\\a.csv", "a.csv"), ("a\u202ecsv.exe\x00", "acsv.exe"), ("..", "upload.csv")],
)
def test_filenames_are_for_display(api: Server, given: str, shown: str) -> None:
    """A name loses its folders and what can't be seen."""
    assert api.http.post("/v1/uploads", params={"filename": given}, content=b"a").json()["filename"] == shown


def test_refused_bodies(api: Server) -> None:
    """A form, a name too long, a digest that is none and a body too large are refused by name."""
    assert api.http.post("/v1/uploads", files={"file": b"a"}).json()["code"] == "unsupported_media_type"
    assert api.http.post("/v1/uploads", params={"filename": "a" * 256}, content=b"a").json()["code"] == "validation_failed"
    assert api.http.post("/v1/uploads", params={"sha256": "abc"}, content=b"a").json()["code"] == "validation_failed"
    assert api.http.post("/v1/uploads", content=bytes(64 * 2**20 + 1)).json()["code"] == "upload_too_large"


def test_too_large_while_streaming(api: Server) -> None:
    """A length that only shows while it streams is refused as soon as it does, and the upload is failed."""
    answer = api.http.post("/v1/uploads", params={"filename": "endless.csv"}, content=(bytes(2**20) for _ in range(80)))
    assert (answer.status_code, answer.json()["code"]) == (413, "upload_too_large")
    failed = _listed(api, "endless.csv")[0]
    assert (failed["state"], failed["error"]["code"]) == ("failed", "upload_too_large")
    assert failed["offset"] <= 64 * 2**20


def test_idempotency_key(api: Server) -> None:
    """The same key gives the same upload without a second one; another body's length is a conflict."""
    first, again = (
        api.http.post("/v1/uploads", params={"filename": "once.csv"}, content=b"a,b\n", headers={"Idempotency-Key": "key-1"}) for _ in range(2)
    )
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(_listed(api, "once.csv")) == 1
    other = api.http.post("/v1/uploads", params={"filename": "once.csv"}, content=b"a,b,c\n", headers={"Idempotency-Key": "key-1"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


def test_idempotency_key_of_a_failed_upload_is_free_again(api: Server) -> None:
    """A key stands for what succeeded; while its bytes arrive it is in progress."""
    headers = {"Idempotency-Key": "key-2"}
    connection = api.raw("POST", "/v1/uploads?filename=twice.csv", {"Content-Length": "4", **headers})
    until(lambda: _listed(api, "twice.csv"), what="the upload is recorded")
    meanwhile = api.http.post("/v1/uploads?filename=twice.csv", content=b"abcd", headers=headers)
    assert meanwhile.json()["code"] == "idempotency_in_progress"
    connection.close()
    until(lambda: _listed(api, "twice.csv")[0]["state"] == "failed", what="the upload is failed")
    answer = until(lambda: _created(api, headers), what="the key is free")
    assert answer == hashlib.sha256(b"abcd").hexdigest()


def test_absent_broker_costs_no_time(api: Server) -> None:
    """A profile job is recorded with its message whether or not the broker answers, and nobody waits for it."""
    started = time.monotonic()
    shown = api.http.post("/v1/uploads", content=b"a,b\n1,2\n").json()
    assert time.monotonic() - started < 1
    with api.database.read() as tx:
        job = tx.execute(jobs.select().where(jobs.c.id == shown["profile_job_id"])).mappings().one()
        assert tx.execute(outbox.select().where(outbox.c.job_id == job["id"])).first() is not None
    assert (job["kind"], job["state"], job["resource_type"], job["resource_id"]) == ("profile", "queued", "upload", shown["id"])


def _created(api: Server, headers: dict[str, str]) -> str | None:
    answer = api.http.post("/v1/uploads?filename=twice.csv", content=b"abcd", headers=headers)
    return hashlib.sha256(api.stored(answer.headers["Location"])).hexdigest() if answer.status_code == 201 else None


def _listed(api: Server, name: str) -> list[dict[str, Any]]:
    return list(api.http.get("/v1/uploads", params={"q": name}).json()["items"])
