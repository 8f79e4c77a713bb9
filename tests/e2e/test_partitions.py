"""A partitioned dataset on the whole product: published, pruned, appended to, replaced under readers, restored, dropped."""

from __future__ import annotations

import threading
from typing import Any

import httpx

from tests.stack import Stack, until

REPUBLISHES = 6


def orders(version: int, count: int) -> bytes:
    """Write orders that all tell their version, in three countries and two years; some have no country."""
    countries = ["DE", "FR", "", "US"]
    rows = (f"{n},{countries[n % 4]},{2020 + n % 2}-0{1 + n % 9}-15,{version},00{n % 7}\n" for n in range(count))
    return b"id,country,order_date,version,code\n" + "".join(rows).encode()


def profiled(stack: Stack, data: bytes) -> str:
    upload = str(stack.upload_bytes(data)["id"])
    assert stack.profile(upload)["state"] == "succeeded"
    return upload


def read_on(url: str, over: threading.Event, seen: list[tuple[Any, ...]]) -> None:
    """Query until the end; note the least and greatest version, and what each query says beside rows."""
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as http:
        while not over.is_set():
            query = http.post("/v1/queries", json={"sql": "select min(version), max(version), count(*), count(country) from parted"}).json()
            while query.get("state") in ("queued", "running"):
                over.wait(0.05)
                query = http.get(f"/v1/queries/{query['id']}").json()
            if query.get("state") != "succeeded":
                seen.append(("error", query))
                return
            seen.append(tuple(http.get(f"/v1/queries/{query['id']}/results").json()["rows"][0]))


def test_a_partitioned_dataset_lives(stack: Stack) -> None:
    """Pruned queries read less, no reader ever sees a mix or an error while versions change, and a drop leaves no file."""
    first = profiled(stack, orders(1, 40_000))
    job = stack.publish(first, "parted", partition_by=["country", "year(order_date)"])
    assert job["state"] == "succeeded", job["error"]
    dataset = stack.http.get("/v1/datasets/parted").json()
    assert (dataset["partition_by"], dataset["files"], dataset["rows"]) == (["country", "year(order_date)"], 4, 40_000)
    receipt = stack.http.get("/v1/datasets/parted/receipt").json()
    assert receipt["balanced"]
    assert [(d["column"], d["crawled"]) for d in receipt["crawler_diff"]] == [("order_date_year", "string")]

    whole = stack.query("select sum(id), max(code) from parted")["statistics"]["bytes_scanned"]
    part = stack.query("select sum(id), max(code) from parted where country = 'DE' and order_date_year = 2020")["statistics"]["bytes_scanned"]
    assert 0 < part < whole / 2
    assert stack.rows("select country, order_date_year, min(code), count(*) from parted group by 1, 2 order by 1 nulls last") == [
        ["DE", "2020", "000", "10000"], ["FR", "2021", "000", "10000"], ["US", "2021", "000", "10000"], [None, "2020", "000", "10000"],
    ]  # fmt: skip

    over, seen = threading.Event(), list[tuple[Any, ...]]()
    reader = threading.Thread(target=read_on, args=(stack.url, over, seen))
    reader.start()
    try:
        for version in range(2, 2 + REPUBLISHES):
            job = stack.publish(profiled(stack, orders(version, 1000 * version)), "parted", mode="replace", timeout_s=120)
            assert job["state"] == "succeeded", job["error"]
    finally:
        over.set()
        reader.join()
    counts = {str(n): str(1000 * n) for n in range(2, 2 + REPUBLISHES)} | {"1": "40000"}
    assert seen
    for row in seen:
        assert row == (row[0], row[0], counts.get(row[0]), str(int(counts.get(row[0], "0")) * 3 // 4))
    assert [int(row[0]) for row in seen] == sorted(int(row[0]) for row in seen)

    assert stack.publish(first, "parted", mode="append")["state"] == "succeeded"
    assert stack.rows("select count(*) from parted") == [[str(40_000 + 1000 * (1 + REPUBLISHES))]]
    answer = stack.http.post(f"/v1/datasets/parted/versions/{REPUBLISHES}/restore")
    assert stack.wait(answer.headers["Location"])["state"] == "succeeded"
    assert stack.rows("select max(version), count(*) from parted") == [[str(REPUBLISHES), str(1000 * REPUBLISHES)]]

    answer = stack.http.delete("/v1/datasets/parted")
    assert stack.wait(answer.headers["Location"])["state"] == "succeeded"
    assert stack.http.post("/v1/queries", json={"sql": "select * from parted"}).status_code == 422
    until(lambda: not list((stack.home / "objects" / "ws").glob(f"*/tables/{dataset['id']}/*")), timeout_s=20, what="no file is left")
