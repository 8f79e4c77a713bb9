"""Many at once: uploads, queries and publishes together, and the api answers all the while."""

from __future__ import annotations

import hashlib
import random
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.e2e.poller import percentile_s, polled
from tests.stack import Stack

UPLOADS, QUERIES, PUBLISHES = 30, 50, 5
ROWS = 100_000
MAX_P99_S = 0.2
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(scope="module")
def numbers(stack: Stack) -> str:
    """A table of the numbers up to ROWS, with their remainder by 7 and a word."""
    lines = "".join(f"{n},{n % 7},word {n % 1000}\n" for n in range(ROWS))
    upload = stack.upload_bytes(f"n,r,word\n{lines}".encode(), "numbers.csv")
    assert stack.profile(upload["id"])["state"] == "succeeded"
    assert stack.publish(upload["id"], "numbers")["state"] == "succeeded"
    return str(upload["id"])


@dataclass(frozen=True)
class Sent:
    """A file that was sent, and what is true of it."""

    upload: dict[str, Any]
    sha256: str
    rows: int
    most: int


def test_thirty_uploads_and_fifty_queries(stack: Stack, numbers: str) -> None:
    """Nothing is lost, nothing hangs, every sum is right, and /healthz answers within 200 ms."""
    assert numbers
    with polled(f"{stack.url}/healthz") as health, ThreadPoolExecutor(UPLOADS + QUERIES) as pool:
        sending = [pool.submit(send, stack.url, seed) for seed in range(UPLOADS)]
        asking = [pool.submit(ask, stack.url, seed) for seed in range(QUERIES)]
        sent = [one.result(timeout=90) for one in sending]
        asked = [one.result(timeout=90) for one in asking]
        queries = [(stack.wait(f"/v1/queries/{query_id}", timeout_s=90), wanted) for query_id, wanted in asked]
        jobs = [stack.profile(one.upload["id"], timeout_s=90) for one in sent]
    p99_s = percentile_s(health, 0.99)
    print(f"\n/healthz: {len(health)} answers, p50 {1000 * percentile_s(health, 0.5):.1f} ms, p99 {1000 * p99_s:.1f} ms")
    for query, wanted in queries:
        assert query["state"] == "succeeded", query
        assert stack.http.get(f"/v1/queries/{query['id']}/results").json()["rows"] == wanted, query["sql"]
    for one, job in zip(sent, jobs, strict=True):
        assert job["state"] == "succeeded", job
        upload = stack.http.get(f"/v1/uploads/{one.upload['id']}").json()
        assert (upload["state"], upload["sha256"]) == ("complete", one.sha256)
        profile = stack.http.get(f"/v1/profiles/{upload['profile_id']}").json()
        assert (profile["records"], profile["columns"][1]["max"]) == (one.rows, str(one.most))
    assert {answer.status for answer in health} == {200}
    assert len(health) > 50
    assert p99_s <= MAX_P99_S


def test_publishes_to_different_datasets(stack: Stack, numbers: str) -> None:
    """Each of them gets its table."""
    names = [f"apart_{number}" for number in range(PUBLISHES)]
    answers = at_once(stack, [{"upload_id": numbers, "name": name} for name in names])
    assert [answer.status_code for answer in answers] == [202] * PUBLISHES
    for name, answer in zip(names, answers, strict=True):
        assert stack.wait(answer.headers["Location"], timeout_s=90)["state"] == "succeeded"
        assert stack.rows(f"SELECT count(*), sum(n) FROM {name}") == [[str(ROWS), str(ROWS * (ROWS - 1) // 2)]]


@pytest.mark.parametrize(("mode", "refusal"), [("create", "dataset_exists"), ("replace", "dataset_busy"), ("append", "dataset_busy")])
def test_publishes_to_the_same_dataset(stack: Stack, numbers: str, mode: str, refusal: str) -> None:
    """One is accepted at a time, the others are told why, and each accepted one is one version."""
    name = f"contested_{mode}"
    if mode != "create":
        assert stack.publish(numbers, name)["state"] == "succeeded"
    answers = at_once(stack, [{"upload_id": numbers, "name": name, "mode": mode} for _ in range(PUBLISHES)])
    accepted = [answer for answer in answers if answer.status_code == 202]
    assert len(accepted) == 1
    assert {(answer.status_code, answer.json()["code"]) for answer in answers if answer.status_code != 202} == {(409, refusal)}
    assert stack.wait(accepted[0].headers["Location"], timeout_s=90)["state"] == "succeeded"
    versions = stack.http.get(f"/v1/datasets/{name}/versions").json()["items"]
    assert len(versions) == (1 if mode == "create" else 2)
    copies = 2 if mode == "append" else 1
    assert stack.rows(f"SELECT count(*), count(DISTINCT n) FROM {name}") == [[str(copies * ROWS), str(ROWS)]]


def send(url: str, seed: int) -> Sent:
    """Upload a file, at once or by tus in pieces, by the seed."""
    dice = random.Random(seed)
    rows = dice.randrange(2_000, 20_000)
    amounts = [dice.randrange(1_000_000) for _ in range(rows)]
    data = ("id,amount,note\n" + "".join(f'{n},{amount},"note, {amount:x}"\n' for n, amount in enumerate(amounts))).encode()
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as http:
        upload = send_whole(http, data, seed) if seed % 2 else send_in_pieces(http, data, dice)
    return Sent(upload, hashlib.sha256(data).hexdigest(), rows, max(amounts))


def send_whole(http: httpx.Client, data: bytes, seed: int) -> dict[str, Any]:
    """Upload in one request."""
    answer = http.post("/v1/uploads", params={"filename": f"{seed}.csv"}, content=data)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def send_in_pieces(http: httpx.Client, data: bytes, dice: random.Random) -> dict[str, Any]:
    """Upload by tus in pieces of any size."""
    created = http.post("/v1/uploads", headers={**TUS, "Upload-Length": str(len(data))})
    assert created.status_code == 201, created.text
    address, offset = created.headers["Location"], 0
    while offset < len(data):
        piece = data[offset : offset + dice.randrange(10_000, 200_000)]
        headers = {**TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        answer = http.patch(address, content=piece, headers=headers)
        assert answer.status_code == 204, answer.text
        offset += len(piece)
        assert int(answer.headers["Upload-Offset"]) == offset
    return dict(http.get(address).json())


def ask(url: str, seed: int) -> tuple[str, list[list[Any]]]:
    """Submit a query; return its id and the rows it has to give."""
    limit = (seed + 1) * ROWS // QUERIES
    whole = [[str(limit), str(limit * (limit - 1) // 2)]]
    by_rest = [[str(rest), str(sum(range(rest, limit, 7)))] for rest in range(7)]
    running_sum = [[str(limit - 1), str(limit * (limit - 1) // 2)]]
    sql, wanted = [
        (f"SELECT count(*), sum(n) FROM numbers WHERE n < {limit}", whole),
        (f"SELECT r, sum(n) FROM numbers WHERE n < {limit} GROUP BY r ORDER BY r", by_rest),
        (f"SELECT n, sum(n) OVER (ORDER BY n) AS so_far FROM numbers WHERE n < {limit} ORDER BY n DESC LIMIT 1", running_sum),
        (f"SELECT count(*), sum(a.n) FROM numbers a JOIN numbers b ON a.n = b.n WHERE b.n < {limit}", whole),
    ][seed % 4]
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as http:
        answer = http.post("/v1/queries", json={"sql": sql})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"]), wanted


def at_once(stack: Stack, bodies: list[dict[str, Any]]) -> list[httpx.Response]:
    """Send the publishes at the same moment."""
    start = threading.Barrier(len(bodies))

    def publish(body: dict[str, Any]) -> httpx.Response:
        with httpx.Client(base_url=stack.url, timeout=60, trust_env=False) as http:
            http.get("/healthz")
            start.wait(30)
            return http.post("/v1/datasets", json=body)

    with ThreadPoolExecutor(len(bodies)) as pool:
        answers: list[Future[httpx.Response]] = [pool.submit(publish, body) for body in bodies]
        return [answer.result() for answer in answers]
