"""Whatever dies, freezes or forgets in the middle of whatever phase: every accepted job ends by itself, with one effect."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from tests.chaos.conftest import Source
from tests.stack import Stack, until, with_suppress

Fault = Callable[[Stack], None]


def killed(service: str) -> Fault:
    """Return a fault that ends every process of a service at once."""

    def fault(stack: Stack) -> None:
        stack.kill(service)

    return fault


def frozen(service: str) -> Fault:
    """Return a fault that freezes a service past its lease and lets it go on as a zombie."""

    def fault(stack: Stack) -> None:
        pids = stack.kill(service, signal.SIGSTOP)
        thawed_at = time.monotonic() + 6
        until(lambda: time.monotonic() >= thawed_at, timeout_s=10, what="the lease has run out")
        for pid in pids:
            with_suppress(os.kill, pid, signal.SIGCONT)

    return fault


def flushed(stack: Stack) -> None:
    """Empty the broker."""
    password = (stack.home / "broker" / "password").read_text().strip()
    port = json.loads((stack.home / "run" / "up.json").read_text())["redis_port"]
    with redis.Redis(port=port, password=password) as client:
        client.flushall()


FAULTS: dict[str, Fault] = {
    "kill-worker-profile": killed("worker-profile"),
    "kill-worker-publish": killed("worker-publish"),
    "kill-query": killed("query"),
    "kill-api": killed("api"),
    "kill-beat": killed("beat"),
    "kill-housekeeping": killed("housekeeping"),
    "kill-broker": killed("broker"),
    "freeze-worker-profile": frozen("worker-profile"),
    "freeze-worker-publish": frozen("worker-publish"),
    "freeze-query": frozen("query"),
    "flush": flushed,
}
SHORT = [
    ("profiling", "kill-worker-profile"),
    ("profiling", "flush"),
    ("converting", "kill-worker-publish"),
    ("converting", "freeze-worker-publish"),
    ("verifying", "kill-query"),
    ("querying", "kill-broker"),
]
LONG = [
    (phase, fault)
    for phase, faults in {
        "profiling": ["kill-api", "kill-beat", "kill-housekeeping", "kill-broker", "freeze-worker-profile"],
        "converting": ["kill-api", "kill-beat", "kill-broker", "flush"],
        "verifying": ["kill-worker-publish", "kill-broker", "freeze-query", "flush"],
        "querying": ["kill-query", "kill-api", "flush", "freeze-query"],
    }.items()
    for fault in faults
]


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("phase", "fault"), SHORT)
def test_every_job_ends_with_one_effect(stack: Stack, source: Source, phase: str, fault: str) -> None:
    """The short form: one fault a phase."""
    go_through(stack, source, phase=phase, fault=fault)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize(("phase", "fault"), LONG)
def test_every_job_ends_with_one_effect_whatever_dies(stack: Stack, source: Source, phase: str, fault: str) -> None:
    """The long form: every other fault in every phase."""
    go_through(stack, source, phase=phase, fault=fault)


def go_through(stack: Stack, source: Source, *, phase: str, fault: str) -> None:
    """Take a file from upload to query with one fault in one phase, and hold the outcome to the source."""
    name = f"{phase}_{fault}".replace("-", "_")

    def hurt() -> None:
        FAULTS[fault](stack)
        until(stack.ready, timeout_s=60, what="the api answers again")

    upload = stack.upload(source.path)
    if phase == "profiling":
        until(lambda: _phase(stack, upload["id"]) in ("profiling", "waiting_for_bytes"), timeout_s=30, what="profiling")
        hurt()
    profile_job = stack.profile(upload["id"], timeout_s=120)
    assert profile_job["state"] == "succeeded", profile_job
    answer = stack.http.post("/v1/datasets", json={"upload_id": upload["id"], "name": name, "mode": "create"})
    assert answer.status_code == 202, answer.text
    job = answer.headers["Location"]
    if phase in ("converting", "verifying"):
        until(lambda: (stack.find(job) or {}).get("phase") == phase, timeout_s=60, what=phase)
        hurt()
    published = stack.wait(job, timeout_s=150)
    assert published["state"] == "succeeded", published
    sql = f"SELECT count(*), sum(amount), count(DISTINCT order_id), max(length(note)) FROM {name}"
    submitted = stack.http.post("/v1/queries", json={"sql": sql})
    assert submitted.status_code == 202, submitted.text
    if phase == "querying":
        hurt()
    query = stack.wait(submitted.headers["Location"], timeout_s=120)
    assert query["state"] == "succeeded", query
    rows = stack.http.get(f"{submitted.headers['Location']}/results").json()["rows"]
    assert rows == [[str(source.rows), str(source.total), str(source.rows), "40"]]
    _one_effect(stack, name, source)


def _phase(stack: Stack, upload_id: str) -> Any:
    job_id = (stack.find(f"/v1/uploads/{upload_id}") or {}).get("profile_job_id")
    return (stack.find(f"/v1/jobs/{job_id}") or {}).get("phase") if job_id else None


def _one_effect(stack: Stack, name: str, source: Source) -> None:
    versions = stack.http.get(f"/v1/datasets/{name}/versions").json()["items"]
    assert [version["version"] for version in versions] == [1]
    dataset = stack.http.get(f"/v1/datasets/{name}").json()
    assert (dataset["state"], dataset["version"], dataset["rows"]) == ("ready", 1, source.rows)
    folder = stack.home / "objects" / "ws" / "default" / "tables" / dataset["id"]
    current = [path for path in folder.glob(f"v1-a*/{name}/*") if path.is_file()]
    location_files = stack.http.get(f"/v1/datasets/{name}").json()["files"]
    assert len({path.parent for path in current}) >= 1
    assert location_files <= len(current)
    receipt = stack.http.get(f"/v1/datasets/{name}/receipt").json()
    assert receipt["balanced"] is True
    assert receipt["published_rows"] == receipt["catalog_rows"] == source.rows


@pytest.mark.timeout(180)
def test_a_tus_upload_survives_the_death_of_the_api(stack: Stack, source: Source) -> None:
    """After each kill HEAD tells an offset that is never less than the last acknowledged one, and the digest is right."""
    data = source.path.read_bytes()
    tus = {"Tus-Resumable": "1.0.0"}
    created = stack.http.post("/v1/uploads", headers={**tus, "Upload-Length": str(len(data))})
    assert created.status_code == 201, created.text
    address = created.headers["Location"]
    acknowledged = kills = 0
    while acknowledged < len(data):
        piece = data[acknowledged : acknowledged + 2_000_000]
        try:
            answer = stack.http.patch(
                address,
                content=piece,
                headers={**tus, "Upload-Offset": str(acknowledged), "Content-Type": "application/offset+octet-stream"},
            )
            assert answer.status_code == 204, answer.text
            acknowledged = int(answer.headers["Upload-Offset"])
            if kills < 4 and acknowledged > (kills + 1) * 4_000_000:
                stack.kill("api")
                kills += 1
        except httpx.TransportError:
            until(stack.ready, timeout_s=60, what="the api answers again")
            offset = int(stack.http.head(address, headers=tus).headers["Upload-Offset"])
            assert offset >= acknowledged
            acknowledged = offset
    assert kills == 4
    upload_id = address.rsplit("/", 1)[1]
    assert stack.profile(upload_id, timeout_s=120)["state"] == "succeeded"
    assert stack.http.get(f"/v1/uploads/{upload_id}").json()["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.timeout(180)
def test_a_restart_of_everything_goes_on_where_it_was(tmp_path: Path, source: Source) -> None:
    """State survives a restart, and unfinished jobs go on."""
    from tests.chaos.conftest import SMALL_STEPS
    from tests.stack import running

    with running(tmp_path / "home", **SMALL_STEPS) as stack:
        upload = stack.upload(source.path)
        until(lambda: _phase(stack, upload["id"]) == "profiling", timeout_s=30, what="profiling")
    with running(tmp_path / "home", **SMALL_STEPS) as stack:
        assert stack.profile(upload["id"], timeout_s=120)["state"] == "succeeded"
        profile = stack.http.get(f"/v1/uploads/{upload['id']}/profile").json()
        assert profile["records"] == source.rows
