"""The figures: one truth from all processes, names that are documented, labels that are bounded, cheap to ask for."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, text, update

from services.shared.clock import utc_now
from services.shared.records.tables import jobs
from tests.api.house import House
from tests.conftest import StartHouse
from tests.stack import until

Figures = dict[str, dict[tuple[tuple[str, str], ...], float]]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def test_two_processes_tell_one_truth(start_house: StartHouse) -> None:
    """Requests over many connections are counted once each, whichever process answers, and however often it is asked."""
    house = start_house()
    for _ in range(40):
        with httpx.Client(base_url=house.server.url, trust_env=False) as client:
            assert client.get("/v1/meta").status_code == 200
    seen = set()
    for _ in range(20):
        with httpx.Client(base_url=house.server.url, trust_env=False) as client:
            seen.add(read(client)["headwater_http_requests_total"][label(method="GET", route="/v1/meta", status="200")])
    assert seen == {40.0}


def test_a_process_that_died_keeps_its_counts(start_house: StartHouse) -> None:
    """A counter never falls while the api runs."""
    house = start_house()
    wanted = label(method="GET", route="/v1/meta", status="200")
    for _ in range(10):
        house.get("/v1/meta")
    before = set(house.server.serving())
    for process in before:
        process.kill()
        process.wait()

    def again() -> bool:
        try:
            with httpx.Client(base_url=house.server.url, trust_env=False) as client:
                return read(client)["headwater_http_requests_total"][wanted] == 10.0
        except httpx.TransportError:
            return False

    until(again, timeout_s=30, what="the counts are served again")


def test_paths_and_methods_of_strangers_make_no_label(start_house: StartHouse) -> None:
    """Whatever is asked for, the labels are routes of the contract, known methods, and statuses."""
    house = start_house()
    for number in range(5):
        house.http.get(f"/no/such/{number}")
        house.http.request(f"BREW{number}", "/v1/jobs")
        house.http.get(f"/v1/jobs/job_{number}")
    labels = [dict(key) for key in read(house.http)["headwater_http_requests_total"]]
    routes = set(house.get("/openapi.json")["paths"]) | {"none"}
    assert {found["route"] for found in labels} <= routes
    assert {found["method"] for found in labels} <= {"GET", "OPTIONS", "other"}
    assert label(method="GET", route="/v1/jobs/{job_id}", status="404") in read(house.http)["headwater_http_requests_total"]


def test_bytes_are_counted_both_ways(start_house: StartHouse) -> None:
    """A body's bytes, in and out."""
    house = start_house()
    body = b"a,b\n" + b"1,2\n" * 100_000
    before = read(house.http)
    house.upload(body)
    sent = len(house.http.get("/openapi.json").content)
    after = read(house.http)
    assert value(after, "headwater_http_received_bytes_total") - value(before, "headwater_http_received_bytes_total") == len(body)
    assert value(after, "headwater_http_sent_bytes_total") - value(before, "headwater_http_sent_bytes_total") >= sent


def test_the_records_are_told(start_house: StartHouse) -> None:
    """Jobs by kind and state, their waits, the oldest that nobody claims, heartbeats, slots, uploads, rejects and the room on the disk."""
    house = start_house()
    upload = house.profiled(b"n,t\n" + b"1,x\n" * 50 + b"1\n" + b"2,y\n" * 50)
    assert house.publish(upload["id"], "t", on_reject="quarantine")["state"] == "succeeded"
    waiting = house.http.post("/v1/queries", json={"sql": "SELECT 1"}).json()["id"]
    running = house.http.post("/v1/queries", json={"sql": "SELECT 2"}).json()["id"]
    house.claim(running)
    then = utc_now() - timedelta(seconds=100)
    with house.services.database.write() as tx:
        tx.execute(update(jobs).where(jobs.c.id == waiting).values(queued_at=then))
        tx.execute(update(jobs).where(jobs.c.id == running).values(heartbeat_at=then))

    def told() -> Figures | None:
        figures = read(house.http)
        return figures if figures["headwater_jobs"][label(kind="query", state="running")] == 1 else None

    figures = until(told, timeout_s=10, what="the figures are made anew")
    assert figures["headwater_jobs"][label(kind="profile", state="succeeded")] == 1
    assert figures["headwater_jobs"][label(kind="publish", state="succeeded")] == 1
    assert figures["headwater_jobs"][label(kind="query", state="queued")] == 1
    assert 100 <= figures["headwater_oldest_unclaimed_seconds"][label(queue="query")] < 160
    assert figures["headwater_oldest_unclaimed_seconds"][label(queue="profile")] == 0
    assert 100 <= figures["headwater_job_heartbeat_age_seconds"][label(kind="query")] < 160
    assert sum(figures["headwater_outbox_messages"].values()) == 1
    assert figures["headwater_uploads"][label(state="complete")] == 1
    assert 0 <= figures["headwater_job_queue_wait_seconds"][label(kind="profile", quantile="0.95")] < 60
    assert figures["headwater_query_slots"] == {label(lane="interactive"): 4, label(lane="background"): 2}
    assert figures["headwater_query_slots_used"] == {label(lane="interactive"): 1, label(lane="background"): 0}
    assert value(figures, "headwater_rejected_records") == 1
    assert value(figures, "headwater_disk_free_bytes") > 0
    assert figures["headwater_up"][label(dependency="broker")] == 1
    assert figures["headwater_workers"][label(queue="query")] == 0


def test_what_does_not_answer_is_left_out_and_named(start_house: StartHouse) -> None:
    """Without the broker nothing is known of workers, and the rest is served as ever."""
    house = start_house(redis_url="redis://127.0.0.1:1/0")
    figures = read(house.http)
    assert figures["headwater_up"][label(dependency="broker")] == 0
    assert figures["headwater_up"][label(dependency="records")] == 1
    assert "headwater_workers" not in figures
    assert "headwater_jobs" in figures


def test_every_metric_is_documented_and_no_other(api: House) -> None:
    """The table of docs/operations.md names each with its labels; those that need a running worker are taken from the code's own list."""
    page = PAGE.read_text()
    documented = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in re.findall(r"^\| `(headwater_\w+)` \|([^|]*)\|", page, re.MULTILINE)}
    api.services.heartbeats.beat("worker@test", ["profile", "publish", "query", "housekeeping"])
    api.services.heartbeats.reconciled()
    api.services.jobs.claim(api.http.post("/v1/queries", json={"sql": "SELECT 1"}).json()["id"])

    def all_served() -> dict[str, set[str]] | None:
        served = {name: {label for key in values for label, _ in key} for name, values in read(api.http).items()}
        return served if served.get("headwater_job_queue_wait_seconds") and "headwater_reconciler_age_seconds" in served else None

    served = until(all_served, timeout_s=10, what="every figure is served")
    api.services.heartbeats.leave("worker@test")
    assert served == documented


@pytest.mark.parametrize("count", [20_000])
def test_figures_stay_cheap_with_many_jobs(start_house: StartHouse, count: int) -> None:
    """No statement reads the rows of finished jobs: the plans name covering indexes, or a search."""
    house = start_house()
    now = utc_now() - timedelta(days=1)
    done = {
        "workspace": "default",
        "owner": "local",
        "created_at": now,
        "resource_type": "upload",
        "resource_id": "upl_x",
        "params": {},
        "attempt": 1,
    }
    done |= {"failures": 0, "queued_at": now, "started_at": now, "finished_at": now, "state": "succeeded"}
    with house.services.database.write() as tx:
        tx.execute(insert(jobs), [{"id": f"job_{number:026}", "kind": ("profile", "publish")[number % 2], **done} for number in range(count)])
    wanted = label(kind="publish", state="succeeded")
    until(lambda: read(house.http)["headwater_jobs"][wanted] == count / 2, timeout_s=10, what="the figures are made anew")
    with house.services.database.read() as tx:
        plan = tx.execute(text("EXPLAIN QUERY PLAN SELECT count(*) FROM jobs WHERE kind = 'publish' AND state = 'succeeded'")).all()
        late = tx.execute(text("EXPLAIN QUERY PLAN SELECT sum(1) FROM jobs WHERE started_at >= 1 AND coalesce(kind, '') = 'publish'")).all()
    assert "COVERING INDEX ix_jobs_figures" in str(plan)
    assert "ix_jobs_started (started_at>?)" in str(late)


def read(client: httpx.Client) -> Figures:
    """Return the figures that are served."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    figures: Figures = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            name = family.name if family.type == "histogram" else sample.name
            labels = {key: found for key, found in sample.labels.items() if key != "le"}
            if not sample.name.endswith("_created"):
                figures.setdefault(name, {})[tuple(sorted(labels.items()))] = sample.value
    return figures


def label(**labels: str) -> tuple[tuple[str, str], ...]:
    """Return the key of a figure."""
    return tuple(sorted(labels.items()))


def value(figures: Figures, name: str) -> float:
    """Return a figure without labels."""
    return figures[name][()]
