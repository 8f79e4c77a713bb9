"""Invariant 5: a broker that forgets everything costs nothing but a moment: all that was accepted stays visible, and running jobs finish."""

from __future__ import annotations

import random
import time

import pytest

from tests.chaos.broker import Broker
from tests.chaos.hurts import Storm, since
from tests.chaos.load import Load, rows
from tests.conftest import Measured
from tests.stack import Stack

LISTS = ("uploads", "jobs", "queries", "datasets")


@pytest.mark.timeout(240)
def test_twenty_flushes_lose_nothing(stack: Stack, broker: Broker, dice: random.Random, measured: Measured) -> None:
    """FLUSHALL at 20 random moments of uploads, profiles, publishes and queries."""
    forget(stack, broker, dice, measured, flushes=20)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_hundred_flushes_lose_nothing(stack: Stack, broker: Broker, dice: random.Random, measured: Measured) -> None:
    """The long form."""
    forget(stack, broker, dice, measured, flushes=200)


def forget(stack: Stack, broker: Broker, dice: random.Random, measured: Measured, *, flushes: int) -> None:
    """Work while the broker is flushed; after each piece of work everything seen before is seen again."""
    load = Load(stack)
    seen: dict[str, set[str]] = {name: set() for name in LISTS}
    started = time.monotonic()
    looks = 0
    with Storm({"flush": broker.client.flushall}, dice, pause_s=(0.1, 0.8)) as storm:
        while storm.counts.total() < flushes:
            number = len(load.jobs)
            upload_id = load.upload(rows(2000, first=number))
            load.query(f"SELECT {number} AS n")
            if number % 3 == 0 and stack.profile(upload_id, timeout_s=60)["state"] == "succeeded":
                load.publish(upload_id, f"flushed_{flushes}_{number}")
            see_again(stack, seen)
            looks += 1
    ended = load.end(timeout_s=150)
    see_again(stack, seen)
    kept = sum(len(ids) for ids in seen.values())
    assert {job["state"] for job in ended} == {"succeeded"}
    measured(flushes=storm.counts.total(), jobs=len(ended), looks=looks, things_seen=kept, vanished=0, seconds=since(started))


def see_again(stack: Stack, seen: dict[str, set[str]]) -> None:
    """Read the lists; what was in them once has to be there."""
    for name, before in seen.items():
        now = {str(item.get("id") or item["name"]) for item in every(stack, name)}
        assert before <= now, f"{before - now} are gone from {name}"
        before |= now


def every(stack: Stack, name: str) -> list[dict[str, object]]:
    """Return all items of a list."""
    items: list[dict[str, object]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = stack.http.get(f"/v1/{name}", params={"limit": "500", **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = {"cursor": page["next_cursor"]}
