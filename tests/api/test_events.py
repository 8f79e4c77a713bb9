"""Server-sent events: each change once, the present state at a reconnect, an end after the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from services.shared.errors import EmptyFile
from services.shared.jobs.model import Job
from tests.api.house import House, code
from tests.conftest import StartHouse

Event = dict[str, str]


@contextmanager
def events(api: House, path: str, **headers: str) -> Iterator[Iterator[Event]]:
    """Open a stream and yield its events."""
    with api.http.stream("GET", path, headers=headers, timeout=20) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache, no-transform"
        yield parse(answer)


def parse(answer: httpx.Response) -> Iterator[Event]:
    """Yield the events of a stream, comments left out."""
    event: Event = {}
    for line in answer.iter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value
        elif not line and event:
            yield event
            event = {}


@pytest.fixture
def job(api: House) -> Job:
    """A job that a worker has taken."""
    return api.claim(api.upload(b"a,b\n1,2\n")["profile_job_id"])


def test_a_stream_follows_a_job_to_its_end(api: House, job: Job) -> None:
    """Every event is what GET answers then, under its ETag; after the last state the stream ends."""
    path = f"/v1/jobs/{job.id}"
    with events(api, f"{path}/events") as stream:
        first = next(stream)
        got = api.http.get(path)
        assert (first["event"], first["id"], first["data"]) == ("job", got.headers["ETag"], got.text)
        with api.services.database.write() as tx:
            api.services.jobs.fail(tx, job, EmptyFile("It is empty."))
        rest = list(stream)
    last = api.http.get(path)
    assert (rest[-1]["id"], rest[-1]["data"]) == (last.headers["ETag"], last.text)
    assert len(rest) == 1


def test_a_reconnect_gets_only_what_is_new(api: House, job: Job) -> None:
    """With the last id the present state comes only if it differs, and of a job that has ended nothing at all."""
    path = f"/v1/jobs/{job.id}"
    etag = api.http.get(path).headers["ETag"]
    with events(api, f"{path}/events", **{"Last-Event-ID": etag}) as stream:
        with api.services.database.write() as tx:
            api.services.jobs.fail(tx, job, EmptyFile("It is empty."))
        assert [event["id"] for event in stream] == [api.http.get(path).headers["ETag"]]
    with events(api, f"{path}/events", **{"Last-Event-ID": etag}) as stream:
        assert len(list(stream)) == 1
    with events(api, f"{path}/events", **{"Last-Event-ID": api.http.get(path).headers["ETag"]}) as stream:
        assert list(stream) == []


def test_a_query_is_followed_too(api: House) -> None:
    """A query's events are named after it."""
    query = api.query("SELECT 1 AS one")
    with events(api, f"/v1/queries/{query['id']}/events") as stream:
        found = list(stream)
    assert [event["event"] for event in found] == ["query"]
    assert found[0]["data"] == api.http.get(f"/v1/queries/{query['id']}").text
    assert code(api.http.get("/v1/queries/qry_00000000000000000000000000/events")) == (404, "query_not_found")


def test_many_followers_see_the_end(api: House, job: Job) -> None:
    """Forty clients on one job all get its last state."""
    ended: list[dict[str, Any]] = []
    ready = threading.Barrier(41)

    def follow() -> None:
        with events(api, f"/v1/jobs/{job.id}/events") as stream:
            next(stream)
            ready.wait(20)
            ended.extend(dict(event) for event in list(stream)[-1:])

    threads = [threading.Thread(target=follow) for _ in range(40)]
    for thread in threads:
        thread.start()
    ready.wait(20)
    with api.services.database.write() as tx:
        api.services.jobs.fail(tx, job, EmptyFile("It is empty."))
    for thread in threads:
        thread.join(20)
    etag = api.http.get(f"/v1/jobs/{job.id}").headers["ETag"]
    assert [event["id"] for event in ended] == [etag] * 40


def test_a_stop_ends_the_streams(start_house: StartHouse) -> None:
    """An api that is asked to stop does not wait for streams that could go on for ever."""
    house = start_house()
    job = house.claim(house.upload(b"a,b\n1,2\n")["profile_job_id"])
    with events(house, f"/v1/jobs/{job.id}/events") as stream:
        next(stream)
        assert house.server.terminate(timeout_s=8) < 5
