"""Traces, for who wants them: one from a request to the last task of the jobs that it made.

Nothing is imported and nothing is done until `start_traces` finds an endpoint. A job's record keeps the `traceparent` of the request that
made it, beside the request's id: so a task belongs to its trace however often its message was sent. Attributes are ids, names and
numbers, never SQL or cells.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, cast

from services.shared.settings import Settings

Value = str | int | float | bool
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Tracing(Protocol):
    """What `otel.py` does once it is imported."""

    def span(self, name: str, *, parent: str | None, attributes: Mapping[str, Value]) -> Iterator[None]:
        """Open a span below the current one, or below `parent`."""
        ...

    def note(self, attributes: Mapping[str, Value], *, name: str | None, failed: bool) -> None:
        """Add to the current span."""
        ...

    def event(self, name: str, attributes: Mapping[str, Value]) -> None:
        """Mark a moment of the current span."""
        ...

    def traceparent(self) -> str | None:
        """Return the current span as the header of W3C Trace Context."""
        ...

    def finish(self) -> None:
        """Send what is not sent yet."""
        ...


_active: Tracing | None = None


def start_traces(settings: Settings, *, service: str) -> None:
    """Make spans from now on, if an endpoint is set; raise RuntimeError if the libraries for it are not there."""
    global _active
    wanted = settings.otlp_endpoint or any(os.environ.get(name) for name in _ENDPOINTS)
    if _active is not None or not wanted or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return
    try:
        module = importlib.import_module("services.shared.otel")
    except ImportError as error:
        raise RuntimeError("Traces are wanted, and OpenTelemetry is not installed: install the dependency group `traces`") from error
    _active = cast(Tracing, module.OpenTelemetry(settings.otlp_endpoint, service=service))


def finish_traces() -> None:
    """Send what is not sent yet; for a process that ends."""
    if _active is not None:
        _active.finish()


@contextmanager
def span(name: str, *, parent: str | None = None, **attributes: Value | None) -> Iterator[None]:
    """Time a piece of work."""
    if _active is None:
        yield
        return
    yield from _active.span(name, parent=parent, attributes=_named(attributes))


def note(*, name: str | None = None, failed: bool = False, **attributes: Value | None) -> None:
    """Say more of the current piece of work: its name, how it ended."""
    if _active is not None:
        _active.note(_named(attributes), name=name, failed=failed)


def mark(event: str, **attributes: Value | None) -> None:
    """Mark a moment of the current piece of work."""
    if _active is not None:
        _active.event(event, _named(attributes))


def current_traceparent() -> str | None:
    """Return what makes other work a part of this trace."""
    return None if _active is None else _active.traceparent()


def _named(attributes: Mapping[str, Value | None]) -> dict[str, Value]:
    return {name.replace("__", "."): value for name, value in attributes.items() if value is not None}
