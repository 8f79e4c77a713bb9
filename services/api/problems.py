"""Problems as answers: every failure of a request becomes one RFC 9457 document, in one place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route

from services.shared.errors import (
    BadRequest,
    CatalogTableNotFound,
    DatabaseNotFound,
    DatasetNotFound,
    FieldError,
    InternalError,
    JobNotFound,
    MethodNotAllowed,
    NotFound,
    Problem,
    ProfileNotFound,
    QueryNotFound,
    RequestTooLarge,
    SavedQueryNotFound,
    Unavailable,
    UnsupportedMediaType,
    UploadNotFound,
    ValidationFailed,
)
from services.shared.logs import get_logger
from services.shared.storage.room import disk_full, is_disk_full

MEDIA_TYPE = "application/problem+json"
_SHOWN = 80
_NOT_FOUND: Mapping[str, type[Problem]] = {
    "upload_id": UploadNotFound,
    "profile_id": ProfileNotFound,
    "job_id": JobNotFound,
    "name": DatasetNotFound,
    "query_id": QueryNotFound,
    "saved_query_id": SavedQueryNotFound,
    "database": DatabaseNotFound,
    "table": CatalogTableNotFound,
}
_BY_STATUS: Mapping[int, type[Problem]] = {404: NotFound, 405: MethodNotAllowed, 413: RequestTooLarge, 415: UnsupportedMediaType}
log = get_logger()


def answer(problem: Problem, *, instance: str | None) -> Response:
    """Return the problem as a response; `instance` is the request's path."""
    body = json.dumps(problem.to_json(instance=instance), ensure_ascii=False).encode()
    return Response(body, status_code=problem.status, headers={**problem.headers, "Cache-Control": "no-store"}, media_type=MEDIA_TYPE)


def add_handlers(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Let the application answer every exception it may see with a problem; `routes` are all it has."""
    app.state.routes = routes
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    for error in (OperationalError, InterfaceError, PoolTimeout, OSError):
        app.add_exception_handler(error, _on_dependency)


def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - what it was registered for
    return answer(error, instance=request.url.path)


def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return answer(_refusal(error), instance=request.url.path)


def _refusal(error: RequestValidationError) -> Problem:
    found = error.errors()
    for one in found:
        match tuple(one["loc"]):
            case ("path", str(name), *_) if name in _NOT_FOUND:
                return _NOT_FOUND[name](f"{_NOT_FOUND[name].title}: {_shown(one.get('input'))}.")
            case ("body", int()) | ("body",) if one["type"] in {"json_invalid", "missing"}:
                why = one.get("ctx", {}).get("error", "it is empty")
                return BadRequest(f"The body is not a JSON document: {why}.")
            case ("body",) if isinstance(one.get("input"), str | bytes):
                return UnsupportedMediaType("The body is read as JSON only; its Content-Type has to be application/json.")
    errors = [FieldError(_pointer(one["loc"]), _detail(one)) for one in found]
    return ValidationFailed("; ".join(f"{one.pointer}: {one.detail}" for one in errors[:3]), errors=errors)


def _pointer(location: tuple[int | str, ...]) -> str:
    place, *rest = location
    if place != "body":
        return "/".join(str(step) for step in location)
    return "#" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in rest)


def _detail(one: Mapping[str, Any]) -> str:
    message = str(one["msg"]).removeprefix("Value error, ")
    return message if one["type"] == "missing" else f"{_shown(one.get('input'))}: {message}"


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    kind = _BY_STATUS.get(error.status_code, BadRequest if error.status_code < 500 else InternalError)
    detail = {
        404: f"There is nothing at {request.url.path}.",
        405: f"{request.url.path} does not know {request.method}.",
    }.get(error.status_code, "" if error.status_code >= 500 else str(error.detail))
    headers = _allowed(request) if error.status_code == 405 else error.headers
    return answer(kind(detail, headers=headers), instance=request.url.path)


def _allowed(request: Request) -> dict[str, str]:
    """Name every method of the address, a fixed one before a pattern; the router knows those of the first of its operations only."""
    routes = [route for route in request.app.state.routes if isinstance(route, Route) and route.path_regex.match(request.url.path)]
    fixed = [route for route in routes if not route.param_convertors]
    return {"Allow": ", ".join(sorted({method for route in fixed or routes for method in route.methods or ()}))}


def _on_dependency(request: Request, error: Exception) -> Response:
    """Answer for the records or the disk: full, busy or away."""
    log.warning("request.dependency_failed", reason=type(error).__name__, exc_info=error)
    if is_disk_full(error):
        return answer(disk_full(), instance=request.url.path)
    if isinstance(error, OSError):
        return answer(InternalError(), instance=request.url.path)
    return answer(Unavailable("The records do not answer just now.", headers={"Retry-After": "1"}), instance=request.url.path)
