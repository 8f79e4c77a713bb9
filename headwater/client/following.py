"""Following a job or a query to its end: by server-sent events, and by asking again where those don't come through."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import httpx

from headwater.client.errors import Cancelled, CannotConnect, Failed, HeadwaterError, Refused
from headwater.client.models import Job, Query
from headwater.client.transport import Patience, Transport

ENDED = frozenset({"succeeded", "failed", "cancelled"})
_SILENCE_S = 40.0
_FIRST_POLL_S = 0.2
_LONGEST_POLL_S = 5.0
Followed = TypeVar("Followed", Job, Query)


def follow(transport: Transport, path: str) -> Iterator[dict[str, Any]]:
    """Give each state of a job or query as it changes, the last one last."""
    patience = Patience(transport.patience_s)
    seen: dict[str, Any] | None = None
    streams = True
    while streams:
        try:
            for state in _events(transport, path):
                patience.renew()
                if state != seen:
                    seen = state
                    yield state
                if state["state"] in ENDED:
                    return
        except _NoStream:
            streams = False
        except (CannotConnect, Refused) as error:
            if not transport.passes(error):
                raise
            patience.wait_after(error)
    yield from _poll(transport, path, seen)


def wait(states: Iterator[Followed], *, path: str, what: str, on_change: Callable[[Followed], None] | None) -> Followed:
    """Return the last of the states, once it has come; raise Failed or Cancelled if that is not success."""
    last = None
    for last in states:
        if on_change is not None:
            on_change(last)
    if last is None or last["state"] == "failed":
        raise Failed(path, None if last is None else last["error"])
    if last["state"] == "cancelled":
        raise Cancelled(f"The {what} was cancelled.")
    return last


class _NoStream(HeadwaterError):
    """Something on the way does not let events through."""


def _events(transport: Transport, path: str) -> Iterator[dict[str, Any]]:
    timeout = httpx.Timeout(_SILENCE_S, connect=5.0)
    with transport.stream("GET", f"{path}/events", headers={"Accept": "text/event-stream"}, extensions={"timeout": timeout.as_dict()}) as answer:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            raise _NoStream("The answer is no stream of events.")
        for line in answer.iter_lines():
            if line.startswith("data:"):
                yield json.loads(line.removeprefix("data:"))


def _poll(transport: Transport, path: str, seen: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    pause_s = _FIRST_POLL_S
    while True:
        state = transport.get(path)
        if state != seen:
            seen, pause_s = state, _FIRST_POLL_S
            yield state
        if state["state"] in ENDED:
            return
        time.sleep(pause_s)
        pause_s = min(1.5 * pause_s, _LONGEST_POLL_S)
