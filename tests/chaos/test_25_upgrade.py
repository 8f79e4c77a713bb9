"""Invariant 25: an update or a restart in the middle of the work loses nothing: old records work in the new revision, and jobs go on."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.api.uploads.server import BYTES, TUS
from tests.chaos.conftest import SMALL_STEPS, Source
from tests.chaos.hurts import since
from tests.chaos.load import Load, rows
from tests.conftest import Measured
from tests.shared.golden_home import HALF, Golden, homes
from tests.stack import Stack, running, until

ROLLED = ("worker-profile", "worker-publish", "query", "housekeeping", "beat", "api")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("golden", homes(), ids=lambda golden: golden.folder.name)
def test_a_home_of_an_older_revision_goes_on(golden: Golden, tmp_path: Path, measured: Measured) -> None:
    """What an older revision had finished is there and works; what it had left in the middle, killed, ends well."""
    golden.unpack(tmp_path / "home")
    started = time.monotonic()
    with running(tmp_path / "home", **SMALL_STEPS) as stack:
        _finished_work_is_there(stack, golden)
        for path in golden.facts["unfinished"].values():
            assert stack.wait(path, timeout_s=120)["state"] == "succeeded", path
        assert stack.rows("SELECT count(*) FROM large") == [["300000"]]
        assert stack.rows("SELECT count(*) FROM later") == [["100"]]
        _upload_goes_on(stack, golden)
        _old_dataset_changes(stack, golden)
    measured(revision=golden.folder.name, jobs_in_the_middle=len(golden.facts["unfinished"]) + 1, lost=0, seconds=since(started))


def _finished_work_is_there(stack: Stack, golden: Golden) -> None:
    for upload_id in golden.facts["uploads"]:
        assert stack.http.get(f"/v1/uploads/{upload_id}/profile").status_code == 200
    assert stack.http.get("/v1/datasets/orders").json()["version"] == 2
    assert stack.rows("SELECT count(*), max(v) FROM orders") == [["150", "text 99"]]
    results = stack.http.get(f"/v1/queries/{golden.facts['query']}/results")
    assert results.json()["rows"] == [["0", "text 0"], ["1", "text 1"], ["2", "text 2"]]
    assert stack.http.get(f"/v1/jobs/{golden.facts['failed']}").json()["error"]["code"] == "binary_file"


def _upload_goes_on(stack: Stack, golden: Golden) -> None:
    half = golden.facts["half"]
    offset = int(stack.http.head(half["address"], headers=TUS).headers["Upload-Offset"])
    assert offset == half["offset"]
    assert stack.http.patch(half["address"], content=HALF[offset:], headers={**BYTES, "Upload-Offset": str(offset)}).status_code == 204
    upload_id = Path(half["address"]).name
    assert stack.profile(upload_id, timeout_s=60)["state"] == "succeeded"
    assert stack.http.get(f"/v1/uploads/{upload_id}").json()["sha256"] == hashlib.sha256(HALF).hexdigest()


def _old_dataset_changes(stack: Stack, golden: Golden) -> None:
    assert stack.publish(golden.facts["uploads"][0], "orders", mode="append")["state"] == "succeeded"
    assert stack.rows("SELECT count(*) FROM orders") == [["250"]]
    assert stack.wait(stack.http.delete("/v1/datasets/orders").headers["Location"])["state"] == "succeeded"
    assert stack.http.get("/v1/datasets/orders").status_code == 404


@pytest.mark.timeout(300)
def test_a_rolling_restart_under_load(stack: Stack, source: Source, measured: Measured) -> None:
    """Every service is stopped and started once while uploads, profiles, publishes and queries go on: each ends well, with one effect."""
    roll(stack, source, measured, rounds=1)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_rolling_restarts_under_load(stack: Stack, source: Source, measured: Measured) -> None:
    """The long form: five rounds."""
    roll(stack, source, measured, rounds=5)


def roll(stack: Stack, source: Source, measured: Measured, *, rounds: int) -> None:
    """Restart service after service, and keep working."""
    data = source.path.read_bytes()
    load = Load(stack)
    started = time.monotonic()
    restarts = 0
    for number in range(rounds):
        name = f"rolled_{rounds}_{number}"
        address = stack.http.post("/v1/uploads", headers={**TUS, "Upload-Length": str(len(data))}).headers["Location"]
        acknowledged = 0
        pieces = len(ROLLED) + 1
        for position, service in enumerate(ROLLED, start=1):
            acknowledged = send(stack, address, data, acknowledged, len(data) * position // pieces)
            made = load.upload(rows(500, first=restarts))
            load.query(f"SELECT {restarts} AS n")
            if position == 1:
                assert stack.profile(made, timeout_s=60)["state"] == "succeeded"
                load.publish(made, name)
            restart(stack, service)
            restarts += 1
        send(stack, address, data, acknowledged, len(data))
        upload_id = Path(address).name
        assert stack.profile(upload_id, timeout_s=120)["state"] == "succeeded"
        assert stack.http.get(f"/v1/uploads/{upload_id}").json()["sha256"] == hashlib.sha256(data).hexdigest()
        assert {job["state"] for job in load.end(timeout_s=120)} == {"succeeded"}
        assert [version["version"] for version in stack.http.get(f"/v1/datasets/{name}/versions").json()["items"]] == [1]
    measured(restarts=restarts, jobs=len(load.jobs), jobs_lost=0, bytes_lost=0, seconds=since(started))


def restart(stack: Stack, service: str) -> None:
    """Stop a service as its supervisor would, and wait for the process that takes its place."""
    leader = until(lambda: stack.pids(service) or None, timeout_s=60, what=f"a process of {service}")[0]
    os.kill(leader, signal.SIGTERM)
    until(lambda: bool(found := stack.pids(service)) and found[0] != leader, timeout_s=60, what=f"{service} is started again")
    until(stack.ready, timeout_s=60, what="the api answers")


def send(stack: Stack, address: str, data: bytes, acknowledged: int, end: int) -> int:
    """Upload up to `end`; whatever breaks, HEAD never tells less than what was acknowledged."""
    while acknowledged < end:
        try:
            answer = stack.http.patch(address, content=data[acknowledged:end], headers={**BYTES, "Upload-Offset": str(acknowledged)})
            if answer.status_code == 204:
                acknowledged = int(answer.headers["Upload-Offset"])
                continue
            assert answer.status_code == 503, answer.text
        except httpx.TransportError:
            until(stack.ready, timeout_s=60, what="the api answers again")
        offset = int(stack.http.head(address, headers=TUS).headers["Upload-Offset"])
        assert offset >= acknowledged
        acknowledged = offset
    return acknowledged
