"""Idempotency keys: the same request is done once, however often and from wherever it is sent."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select, update

from services.api import idempotency
from services.api.answers import Answer
from services.api.idempotency import Earlier
from services.shared.clock import utc_now
from services.shared.errors import IdempotencyInProgress
from services.shared.records.tables import idempotency_keys, jobs
from tests.api.house import House, code

ALIVE = Earlier(alive=True)


def submit(api: House, key: str, sql: str = "SELECT 1 AS one") -> httpx.Response:
    """Submit a query under a key."""
    return api.http.post("/v1/queries", json={"sql": sql}, headers={"Idempotency-Key": key})


def count_jobs(api: House) -> int:
    with api.services.database.read() as tx:
        return int(tx.execute(select(func.count()).select_from(jobs)).scalar_one())


def test_the_same_request_gets_the_same_answer(api: House) -> None:
    """Status, body and Location are the first answer's, byte for byte, also when the query has ended meanwhile."""
    first = submit(api, "same")
    api.work()
    second = submit(api, "same")
    assert (second.status_code, second.content, second.headers["Location"]) == (first.status_code, first.content, first.headers["Location"])
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")


def test_another_request_is_refused(api: House) -> None:
    """A key stands for one request: another body or another address is a conflict."""
    submit(api, "other")
    assert code(submit(api, "other", "SELECT 2 AS two")) == (409, "idempotency_conflict")
    assert code(api.http.post("/v1/datasets/orders/versions/1/restore", headers={"Idempotency-Key": "other"})) == (409, "idempotency_conflict")


def test_a_refused_request_leaves_its_key_free(api: House) -> None:
    """What changed nothing may be sent again, put right, under the same key."""
    assert code(submit(api, "again", "SELEC 1")) == (422, "sql_syntax")
    assert submit(api, "again").status_code == 202


def test_many_at_once_are_done_once(api: House) -> None:
    """Twenty of the same request at two processes make one query and get one answer."""
    before = count_jobs(api)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: submit(api, "at-once"), range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert count_jobs(api) == before + 1


def test_a_key_is_forgotten_after_its_time(api: House) -> None:
    """After 24 hours the key stands for a new request."""
    first = submit(api, "old")
    with api.services.database.write() as tx:
        tx.execute(update(idempotency_keys).where(idempotency_keys.c.key == "old").values(created_at=utc_now() - timedelta(hours=25)))
    second = submit(api, "old", "SELECT 2 AS two")
    assert second.status_code == 202
    assert second.json()["id"] != first.json()["id"]


def test_a_key_without_a_sane_length(api: House) -> None:
    """An empty key, or one of more than 255 characters, is refused."""
    assert code(submit(api, "")) == (422, "validation_failed")
    assert code(submit(api, "k" * 256)) == (422, "validation_failed")


def test_a_lasting_request_holds_its_key(api: House) -> None:
    """While its resource is being made another request with the key must wait; when it died the key is free again."""
    key = idempotency.Key("default", "lasting", "f" * 64)
    assert idempotency.begin(api.services, key, resource_id="upl_1", look=lambda _tx, _id: ALIVE) is None
    with pytest.raises(IdempotencyInProgress) as refused:
        idempotency.begin(api.services, key, resource_id="upl_2", look=lambda _tx, found: Earlier(alive=found == "upl_1"))
    assert refused.value.headers["Retry-After"]
    assert idempotency.begin(api.services, key, resource_id="upl_2", look=lambda _tx, _id: Earlier()) is None
    answer = Answer(201, b"{}", {"Location": "/v1/uploads/upl_2"})
    with api.services.database.write() as tx:
        idempotency.finish(tx, key, answer)
    assert idempotency.begin(api.services, key, resource_id="upl_3", look=lambda _tx, _id: ALIVE) == answer


def test_of_two_lasting_requests_one_begins(api: House) -> None:
    """Two that begin at once under one key: one goes on, the other is told so."""
    key = idempotency.Key("default", "two", "e" * 64)
    ready, outcomes = threading.Barrier(2), []

    def begin(upload: str) -> None:
        ready.wait(10)
        try:
            outcomes.append(idempotency.begin(api.services, key, resource_id=upload, look=lambda _tx, _id: ALIVE))
        except IdempotencyInProgress as problem:
            outcomes.append(problem)

    threads = [threading.Thread(target=begin, args=(f"upl_{number}",)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(str(type(outcome)) for outcome in outcomes) == sorted([str(type(None)), str(IdempotencyInProgress)])
