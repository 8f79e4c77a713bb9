"""Whether it works: the process, and what it depends on."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from services.api import health
from services.api.answers import problems, to_bytes
from services.api.deps import Deps
from services.api.metrics.exposition import get_exposition
from services.api.schemas.meta import Health, Readiness
from services.shared.errors import NotReady

router = APIRouter(tags=["Health"])
_NOT_KEPT = {"Cache-Control": "no-store"}
_ALIVE = to_bytes(Health(status="ok"))


@router.get("/healthz", response_model=Health)
async def get_health() -> Response:
    """Say that the process lives."""
    return Response(_ALIVE, headers=_NOT_KEPT, media_type="application/json")


@router.get("/readyz", response_model=Readiness, responses=problems(NotReady))
def get_readiness(services: Deps) -> Response:
    """Say whether the process can serve requests, each dependency named."""
    return Response(to_bytes(health.check_readiness(services)), headers=_NOT_KEPT, media_type="application/json")


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
def get_metrics(request: Request) -> Response:
    """Give the figures of this installation in Prometheus' text format."""
    return Response(get_exposition(request).render(), headers=_NOT_KEPT, media_type=CONTENT_TYPE_LATEST)
