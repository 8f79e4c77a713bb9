"""Answers that speak tus to who speaks tus: every one names the version, a problem too."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from services.api.uploads.tus import VERSION
from services.shared.errors import Problem

_TUS_METHODS = frozenset({"HEAD", "PATCH", "OPTIONS"})


class TusRoute(APIRoute):
    """A route whose answers carry `Tus-Resumable` when the request did, or when only tus sends its method."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with its answers named."""
        handle = super().get_route_handler()

        async def speak(request: Request) -> Response:
            tus = "tus-resumable" in request.headers or request.method in _TUS_METHODS
            try:
                response = await handle(request)
            except Problem as problem:
                if tus:
                    problem.headers["Tus-Resumable"] = VERSION
                raise
            if tus:
                response.headers["Tus-Resumable"] = VERSION
            return response

        return speak
