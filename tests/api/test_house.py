"""What the installation says of itself: health, meta, its document, its pages, and what is not built yet."""

from __future__ import annotations

import os
import signal
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
import yaml

from services.api.schemas.meta import Health, Meta, Readiness
from services.shared.version import VERSION
from tests.api.house import House
from tests.conftest import StartHouse

ROOT = Path(__file__).resolve().parents[2]
CONTRACT: dict[str, Any] = yaml.safe_load((ROOT / "contract" / "openapi.yaml").read_text("utf-8"))
WORKERS = ("worker_housekeeping", "worker_profile", "worker_publish", "worker_query")


@pytest.fixture
def frozen_broker(redis_url: str) -> Iterator[None]:
    """The broker takes connections and says nothing, as a network that swallows packets."""
    process = psutil.Process(redis.Redis.from_url(redis_url).info("server")["process_id"])
    os.kill(process.pid, signal.SIGSTOP)
    yield
    os.kill(process.pid, signal.SIGCONT)


def test_health(api: House) -> None:
    """The process says that it lives, and nobody keeps that answer."""
    answer = api.http.get("/healthz")
    assert Health.model_validate(answer.json()).status == "ok"
    assert answer.headers["Cache-Control"] == "no-store"


def test_readiness(api: House) -> None:
    """Every dependency is asked and named; without a living worker accepted work waits, and each queue that lacks one is named."""
    ready = Readiness.model_validate(api.get("/readyz"))
    assert ready.status == "degraded"
    assert [(check.name, check.status) for check in ready.checks[:3]] == [("records", "ok"), ("storage", "ok"), ("broker", "ok")]
    assert {check.name: check.status for check in ready.checks[3:]} == dict.fromkeys(WORKERS, "failed")
    api.services.heartbeats.beat("one@test", ["profile", "publish", "query", "housekeeping"])
    assert Readiness.model_validate(api.get("/readyz")).status == "ready"
    api.services.heartbeats.leave("one@test")


@pytest.mark.usefixtures("frozen_broker")
def test_a_silent_broker_delays_nothing_here(api: House) -> None:
    """Without a broker reads answer from the records and work is accepted, each within two seconds; readiness says degraded."""
    started = time.monotonic()
    query = api.http.post("/v1/queries", json={"sql": "SELECT 1 AS one"})
    assert query.status_code == 202
    api.claim(query.json()["id"])
    assert api.get(f"/v1/queries/{query.json()['id']}")["state"] == "running"
    assert "items" in api.get("/v1/jobs", timeout=2)
    assert api.get("/healthz") == {"status": "ok"}
    assert time.monotonic() - started < 2
    assert Readiness.model_validate(api.get("/readyz")).status == "degraded"


def test_meta(api: House) -> None:
    """Meta tells what works here and within which bounds, as the settings have them."""
    meta = Meta.model_validate(api.get("/v1/meta"))
    assert meta.version == VERSION == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (meta.platform, meta.engine, meta.database) == ("local", "duckdb", "headwater")
    assert meta.limits.max_upload_bytes == api.settings.max_upload_bytes
    assert meta.formats.downloads == ("csv", "parquet", "jsonl", "xlsx")
    etag = api.http.get("/v1/meta").headers["ETag"]
    assert api.http.get("/v1/meta", headers={"If-None-Match": etag}).status_code == 304


def test_the_document_is_served(api: House) -> None:
    """The document has every operation of the contract."""
    document = api.get("/openapi.json")
    assert document["paths"].keys() == CONTRACT["paths"].keys()
    assert document["openapi"].startswith("3.1")


def test_the_pages_come_from_here_alone(api: House) -> None:
    """The page of the API and its parts load nothing from elsewhere, and every problem's type leads somewhere."""
    page = api.http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    for name in ("docs.js", "docs.css"):
        part = api.http.get(f"/docs/{name}")
        assert part.status_code == 200
        assert "http" not in page.text + part.text.replace("http.", "")
        assert f"/docs/{name}" in page.text
    problems = api.http.get("/docs/problems").text
    for codes in (codes for item in CONTRACT["paths"].values() for operation in item.values() for codes in operation["x-problem-codes"].values()):
        for word in set(codes) - {"saved_query_exists", "saved_query_not_found"}:
            assert f'id="{word}"' in problems


def test_a_stop_is_clean(start_house: StartHouse) -> None:
    """Asked to stop, every process ends soon and none is left."""
    house = start_house()
    children = house.server.serving()
    house.get("/readyz")
    assert house.server.terminate() < 5
    assert not any(child.is_running() for child in children)
