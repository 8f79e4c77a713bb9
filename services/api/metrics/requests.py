"""What requests cost, counted by each process in files of its own below one folder; the sum over all processes is what is served.

A process that is started again finds the files of the one before, so that a sum never falls; `make_folder` begins anew when the api starts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

from services.api.metrics.folder import VARIABLE

_SECONDS = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_ROUTE = "none"
_OWN = CollectorRegistry()

REQUESTS = Counter("headwater_http_requests", "Requests answered.", ("method", "route", "status"), registry=_OWN)
SECONDS = Histogram(
    "headwater_http_request_duration_seconds",
    "How long requests took, to the last byte of their answer.",
    ("method", "route"),
    buckets=_SECONDS,
    registry=_OWN,
)
RECEIVED = Counter("headwater_http_received_bytes", "Bytes that came in as bodies of requests.", registry=_OWN)
SENT = Counter("headwater_http_sent_bytes", "Bytes that went out as bodies of answers.", registry=_OWN)


def count_request(scope: Mapping[str, Any], *, status: int, seconds: float) -> None:
    """Count a request under its route's template; all that led to no route are counted together, whatever their path."""
    method, route = method_of(scope), route_of(scope)
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(method, route).observe(seconds)


def method_of(scope: Mapping[str, Any]) -> str:
    """Return the request's method, or `other`."""
    return str(scope["method"]) if scope["method"] in _METHODS else "other"


def route_of(scope: Mapping[str, Any]) -> str:
    """Return the template of the route that the request took, once it took one."""
    return getattr(scope.get("route"), "path", _NO_ROUTE)


def all_processes() -> CollectorRegistry:
    """Return a registry with the sums over all processes; a process that runs alone, without a folder, has only its own."""
    if VARIABLE not in os.environ:
        return _OWN
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
