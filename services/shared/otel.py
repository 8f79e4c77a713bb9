"""Spans by OpenTelemetry, sent as OTLP over HTTP from a thread of their own; imported by `traces.py` when they are wanted."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.shared.traces import Value
from services.shared.version import VERSION

_PATH = "/v1/traces"
_HEADER = "traceparent"
_FINISH_MS = 3000


class OpenTelemetry:
    """One process's spans; without an endpoint of its own, the standard OTEL_* variables say where they go."""

    def __init__(self, endpoint: str | None, *, service: str) -> None:
        instance = f"{socket.gethostname()}:{os.getpid()}"
        resource = Resource.create({"service.name": f"headwater-{service}", "service.version": VERSION, "service.instance.id": instance})
        exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + _PATH) if endpoint else OTLPSpanExporter()
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("headwater", VERSION)
        self._propagator = TraceContextTextMapPropagator()

    def span(self, name: str, *, parent: str | None, attributes: Mapping[str, Value]) -> Iterator[None]:
        """Open a span; an exception's text may hold what users sent, so only that there was one is kept."""
        above = self._propagator.extract({_HEADER: parent}) if parent is not None else context.get_current()
        with self._tracer.start_as_current_span(name, above, attributes=attributes, record_exception=False, set_status_on_exception=False):
            yield

    def note(self, attributes: Mapping[str, Value], *, name: str | None, failed: bool) -> None:
        """Add to the current span."""
        found = trace.get_current_span()
        found.set_attributes(attributes)
        if name is not None:
            found.update_name(name)
        if failed:
            found.set_status(trace.StatusCode.ERROR)

    def event(self, name: str, attributes: Mapping[str, Value]) -> None:
        """Mark a moment of the current span."""
        trace.get_current_span().add_event(name, attributes)

    def traceparent(self) -> str | None:
        """Return the current span as a header."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier.get(_HEADER)

    def finish(self) -> None:
        """Send what is not sent yet."""
        self._provider.force_flush(_FINISH_MS)
