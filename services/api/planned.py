"""Operations that are in the contract but not built yet: one route class answers all of them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from services.shared.errors import NotImplementedYet

MARK = {"x-headwater-status": "planned"}


class PlannedRoute(APIRoute):
    """A route that says what it will take and answer, and answers 501 to everything until it is built."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler that refuses."""
        self.openapi_extra = {**(self.openapi_extra or {}), **MARK}

        async def refuse(request: Request) -> Response:
            raise NotImplementedYet(f"{request.method} {self.path} is not built yet.")

        return refuse
