"""Turns on the whole product: one slot is shared by workspaces one after the other, and a publish does not wait for people's queries."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from services.api.deps import Services, make_services
from services.api.queries import submit_query
from services.api.schemas.queries import QueryRequest
from services.shared.principal import Principal
from services.shared.records.tables import jobs
from services.shared.settings import Settings
from tests.stack import FAST, Stack, free_port, running

ROWS = 10_000
ENDLESS = "SELECT count(*) FROM numbers a CROSS JOIN numbers b CROSS JOIN numbers c WHERE (a.n * b.n + c.n) % 1000003 = 5"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A product that runs one query at a time, with a table."""
    with running(tmp_path_factory.mktemp("turns") / "home", **FAST, HEADWATER_QUERY_SLOTS="1", HEADWATER_QUERY_THREADS="1") as stack:
        upload = stack.upload_bytes(b"n\n" + b"".join(b"%d\n" % n for n in range(ROWS)))
        assert stack.profile(upload["id"])["state"] == "succeeded"
        assert stack.publish(upload["id"], "numbers")["state"] == "succeeded"
        yield stack


@pytest.fixture
def beside(narrow: Stack) -> Iterator[Services]:
    """The api's own code on the product's records, for requests of another workspace; it sends no message, the product does."""
    services = make_services(Settings(home=narrow.home, redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    yield services
    services.close()


def test_workspaces_take_turns(narrow: Stack, beside: Services) -> None:
    """Eight queries of one workspace wait for the only slot; three of another, submitted after them all, have every second turn."""
    narrow.kill("query", signal.SIGSTOP)
    try:
        many = [submit(narrow, f"SELECT max(n) + {number} FROM numbers") for number in range(8)]
        few = [submit_beside(beside, f"SELECT min(n) + {number} FROM numbers") for number in range(3)]
    finally:
        narrow.kill("query", signal.SIGCONT)
    for query_id in many:
        assert narrow.wait(f"/v1/queries/{query_id}")["state"] == "succeeded"
    with beside.database.read() as tx:
        started = tx.execute(select(jobs.c.id, jobs.c.state).where(jobs.c.id.in_(many + few)).order_by(jobs.c.started_at)).all()
    assert [row.id for row in started] == [many[0], few[0], many[1], few[1], many[2], few[2], *many[3:]]
    assert {row.state for row in started} == {"succeeded"}


def test_a_publish_does_not_wait_for_people(narrow: Stack) -> None:
    """While a query without end has the only slot and another waits for it, the receipt of a publish has a slot of its own."""
    endless, waiting = submit(narrow, ENDLESS), submit(narrow, "SELECT 1 AS one")
    upload = narrow.upload_bytes(b"k,v\n1,a\n2,b\n")
    assert narrow.profile(upload["id"])["state"] == "succeeded"
    assert narrow.publish(upload["id"], "published")["state"] == "succeeded"
    states = [narrow.http.get(f"/v1/queries/{query_id}").json()["state"] for query_id in (endless, waiting)]
    assert states == ["running", "queued"]
    assert narrow.http.post(f"/v1/queries/{endless}/cancel").status_code == 202
    assert narrow.wait(f"/v1/queries/{waiting}")["state"] == "succeeded"
    assert narrow.wait(f"/v1/queries/{endless}")["state"] == "cancelled"


def submit(stack: Stack, sql: str) -> str:
    answer = stack.http.post("/v1/queries", json={"sql": sql})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def submit_beside(services: Services, sql: str) -> str:
    work = submit_query(services, Principal("other", "someone"), QueryRequest(sql=sql), request_id="req_other")
    with services.database.write() as tx:
        return work(tx).headers["Location"].rpartition("/")[2]
