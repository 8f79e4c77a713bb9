"""All figures as Prometheus' text, made at most once in a while."""

from __future__ import annotations

import threading
import time
from typing import cast

from fastapi import Request
from prometheus_client import CollectorRegistry, generate_latest

from services.api.deps import Services
from services.api.metrics.records import RecordsCollector
from services.api.metrics.requests import all_processes

_KEPT_S = 1.0
_SHARE = 20


class Exposition:
    """The figures of the records are kept for a second, or for longer if they were dear: asking often costs little."""

    def __init__(self, services: Services) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(RecordsCollector(services))
        self._turn = threading.Lock()
        self._text = b""
        self._until = 0.0

    def render(self) -> bytes:
        """Return the text."""
        return generate_latest(all_processes()) + self._of_records()

    def _of_records(self) -> bytes:
        with self._turn:
            started = time.monotonic()
            if started >= self._until:
                self._text = generate_latest(self._registry)
                spent = time.monotonic() - started
                self._until = started + spent + max(_KEPT_S, _SHARE * spent)
            return self._text


def get_exposition(request: Request) -> Exposition:
    """Return this process's."""
    return cast(Exposition, request.app.state.exposition)
