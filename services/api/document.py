"""The served OpenAPI document: what FastAPI knows of the routes, and what the rim does to every request."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.api.answers import problems
from services.api.middleware import SAFE_METHODS
from services.api.signin import PUBLIC
from services.shared.errors import (
    CrossOrigin,
    HostNotAllowed,
    InternalError,
    Problem,
    RequestTooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)
from services.shared.version import VERSION

_NOT_OURS = ("HTTPValidationError", "ValidationError")
_WITHOUT_RECORDS = ("/healthz", "/metrics")
_REQUEST_ID: dict[str, Any] = {
    "name": "X-Request-Id",
    "in": "header",
    "required": False,
    "description": "An id of the client's for this request, echoed in the answer and found in every log line; one is made when it is missing "
    "or is not 1 to 64 of `A-Za-z0-9._-`.",
    "schema": {"type": "string"},
}
_DESCRIPTION = """\
*Upload → raw object → profile → publish → crawl → catalog → query → result.*

Bodies are JSON in `snake_case`, times RFC 3339 in UTC, ids opaque, prefixed and sortable by time. Problems are RFC 9457 documents
with a stable `code`. Lists take `limit` and `cursor` and answer `items` and `next_cursor`. Long work answers `202` with the job or
query in the body and its address in `Location`. Every JSON answer to a GET under `/v1` has an ETag. A creating POST takes an
`Idempotency-Key`.
"""


def describe(app: FastAPI) -> None:
    """Let the application serve its document."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title="Headwater",
        version=VERSION,
        summary="Very large CSV files, from a browser to tables a whole team can query, with proof that nothing was lost.",
        description=_DESCRIPTION,
        license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "This installation."}],
        routes=app.routes,
    )
    for path, item in document["paths"].items():
        for method, operation in item.items():
            _complete(path, method.upper(), operation)
    document["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    document["security"] = [{}, {"bearer": []}]
    for name in _NOT_OURS:
        document["components"]["schemas"].pop(name, None)
    return document


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    operation.setdefault("parameters", []).append(_REQUEST_ID)
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    for kind in _everywhere(path, method, operation):
        for status, response in problems(kind).items():
            responses.setdefault(str(status), response)
    operation["responses"] = dict(sorted(responses.items()))


def _everywhere(path: str, method: str, operation: dict[str, Any]) -> list[type[Problem]]:
    kinds: list[type[Problem]] = [HostNotAllowed, InternalError]
    if path not in PUBLIC:
        kinds.append(Unauthenticated)
    if method not in SAFE_METHODS:
        kinds.append(CrossOrigin)
    if "application/json" in operation.get("requestBody", {}).get("content", {}):
        kinds += [RequestTooLarge, UnsupportedMediaType]
    if path not in _WITHOUT_RECORDS and method != "OPTIONS":
        kinds.append(Unavailable)
    return kinds
