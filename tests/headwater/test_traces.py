"""Traces of the whole product, as a collector on loopback receives them."""

from __future__ import annotations

import gzip
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

from tests.stack import FAST, ROOT, running, until

CELL = "osprey-over-the-weir"


@dataclass(frozen=True)
class Seen:
    """One span, with its process's resource."""

    service: str
    name: str
    trace: str
    parent: str
    id: str
    text: str


@pytest.mark.timeout(300)
def test_one_trace_from_the_request_to_the_last_task(tmp_path: Path) -> None:
    """A publish: its request, the tasks of its job, its queries and the engine, though the first message was lost; no SQL or cell is in a span."""
    with collector() as (endpoint, spans):
        settings = {"HEADWATER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "200", **FAST}
        with running(tmp_path / "home", **settings) as stack:
            upload = stack.upload_bytes(f"word,n\n{CELL},1\nplain,2\n".encode())["id"]
            stack.profile(upload)
            stack.kill("worker-publish", signal.SIGSTOP)
            stack.kill("broker")
            answer = stack.http.post("/v1/datasets", json={"upload_id": upload, "name": "birds", "mode": "create"}, headers={"traceparent": PARENT})
            stack.kill("worker-publish", signal.SIGCONT)
            assert stack.wait(answer.headers["Location"])["state"] == "succeeded"
            assert stack.rows(f"SELECT n FROM birds WHERE word = '{CELL}'") == [["1"]]

            def whole() -> list[Seen] | None:
                ours = [seen for seen in list(spans) if seen.trace == TRACE]
                names = {(seen.service, seen.name) for seen in ours}
                return ours if names >= WANTED else None

            ours = until(whole, timeout_s=30, what=f"{WANTED} in {sorted((seen.service, seen.name) for seen in spans)}")
    request = next(seen for seen in ours if seen.name == "POST /v1/datasets")
    assert request.parent == PARENT.split("-")[2]
    assert {seen.parent for seen in ours if seen.name == "job publish"} == {request.id}
    everything = "".join(seen.text for seen in spans)
    assert "SELECT" not in everything
    assert CELL not in everything


def test_nothing_is_imported_when_nobody_wants_traces() -> None:
    """The services' wiring loads neither our part nor the exporter; what a client of Redis loads by itself is its own."""
    code = "import sys, services.api.main, services.worker.tasks, services.query.tasks; print(*sys.modules)"
    ended = subprocess.run((sys.executable, "-c", code), cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = ended.stdout.split()
    assert "services.shared.traces" in loaded
    assert not [name for name in loaded if name == "services.shared.otel" or name.startswith("opentelemetry.exporter")]


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
WANTED = {
    ("headwater-api", "POST /v1/datasets"),
    ("headwater-worker", "job publish"),
    ("headwater-query", "job query"),
    ("headwater-query", "engine"),
}


@contextmanager
def collector() -> Iterator[tuple[str, list[Seen]]]:
    """Receive OTLP over HTTP on loopback and decode it."""
    spans: list[Seen] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            spans.extend(decode(body))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(ExportTraceServiceResponse().SerializeToString())

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def decode(body: bytes) -> Iterator[Seen]:
    """Yield the spans of one export."""
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = {item.key: item.value.string_value for item in group.resource.attributes}
        assert resource["service.version"]
        for scope in group.scope_spans:
            for span in scope.spans:
                yield Seen(resource["service.name"], span.name, span.trace_id.hex(), span.parent_span_id.hex(), span.span_id.hex(), str(span))
