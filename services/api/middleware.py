"""The rim of every request: its id, who may send it, how large it may be, one log line, and safe headers.

Plain ASGI, so that bodies stream both ways; nothing here reads a body.
"""

from __future__ import annotations

import re
import time
from urllib.parse import urlsplit

import structlog
from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.metrics.requests import RECEIVED, SENT, count_request, method_of, route_of
from services.api.problems import answer
from services.shared.errors import CrossOrigin, HostNotAllowed, InternalError, Problem, RequestTooLarge
from services.shared.ids import new_id
from services.shared.logs import get_logger
from services.shared.settings import Settings
from services.shared.traces import note, span

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FAILED = 500
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UPLOAD_BODY = re.compile(r"/v1/uploads(/[^/]+)?/?")
_UNMEASURED = frozenset({"/healthz", "/metrics", "/readyz"})
_POLLED = re.compile(r"/healthz|/readyz|/metrics|/v1/(jobs|queries)/[^/]+")
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
log = get_logger()


class RequestRim:
    """Names the request, refuses what may not come in, logs how it ended, and answers what nobody caught."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        scope.setdefault("state", {})["request_id"] = request_id
        body = _Body(headers, receive)
        watched = _Watched(send, request_id, body)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            if scope["path"] in _UNMEASURED:
                await self._serve(scope, headers, body, watched)
                return
            with span("request", parent=headers.get("traceparent"), request__id=request_id):
                await self._serve(scope, headers, body, watched)
                route = route_of(scope)
                note(
                    name=f"{method_of(scope)} {route}",
                    failed=watched.status >= _FAILED,
                    http__route=route,
                    http__response__status_code=watched.status,
                )

    async def _serve(self, scope: Scope, headers: Headers, receive: Receive, send: _Watched) -> None:
        started = time.perf_counter()
        try:
            refusal = refuse(scope["method"], headers, self._settings)
            if refusal is not None:
                await _respond(refusal, scope, receive, send)
            else:
                await self._app(scope, receive, send)
        except Exception:
            log.exception("request.failed")
            if not send.status:
                await _respond(InternalError(), scope, receive, send)
        finally:
            say = log.debug if scope["method"] == "GET" and send.status < 400 and _POLLED.fullmatch(scope["path"]) else log.info
            path = scope.get("raw_path", scope["path"].encode()).decode("ascii", "replace")
            seconds = time.perf_counter() - started
            count_request(scope, status=send.status, seconds=seconds)
            say("request.done", method=scope["method"], path=path, status=send.status, ms=round(1000 * seconds, 1))


class BodyLimit:
    """Ends a request whose JSON body is too large; the bodies of uploads have limits of their own."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS or _UPLOAD_BODY.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length) > self._max_bytes:
            await _respond(RequestTooLarge(f"{length} bytes are more than {self._max_bytes}."), scope, receive, send)
            return
        await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max_bytes:
                raise HTTPException(413, f"The body is longer than {self._max_bytes} bytes.")
            return message

        return counted


def refuse(method: str, headers: Headers, settings: Settings) -> Problem | None:
    """Return why the request may not come in: a Host that is not ours (DNS rebinding), or a page of another site."""
    host = headers.get("host", "")
    if not _is_ours(host, settings):
        return HostNotAllowed(f"The Host {host[:255]!r} is not one of this server's names.")
    if method in SAFE_METHODS:
        return None
    origin = headers.get("origin")
    if origin is not None and origin not in settings.allowed_origins and urlsplit(origin).netloc != host:
        return CrossOrigin(f"The origin {origin[:255]} may not send {method} here.")
    if origin is None and headers.get("sec-fetch-site") == "cross-site":
        return CrossOrigin(f"Another site may not send {method} here.")
    return None


def _is_ours(host: str, settings: Settings) -> bool:
    name = re.sub(r":[0-9]*$", "", host).lower()
    return name in LOOPBACK_NAMES or name in settings.allowed_hosts or host in settings.allowed_hosts


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _SANE_ID.fullmatch(given) else new_id("req")


async def _respond(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    response: Response = answer(problem, instance=Request(scope).url.path)
    await response(scope, receive, send)


class _Body:
    """The server's side of a request: sees whether its body was taken to the end."""

    def __init__(self, headers: Headers, receive: Receive) -> None:
        self._receive = receive
        self.left = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"

    async def __call__(self) -> Message:
        message = await self._receive()
        RECEIVED.inc(len(message.get("body", b"")))
        if message["type"] != "http.request" or not message.get("more_body", False):
            self.left = False
        return message


class _Watched:
    """The client's side of an answer: sees its status and adds the headers that all answers have.

    What is answered before its body was taken ends the connection, and says so: a client must not send its next request there.
    """

    def __init__(self, send: Send, request_id: str, body: _Body) -> None:
        self._send = send
        self._request_id = request_id
        self._body = body
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            own = {name.lower() for name, _ in headers}
            headers += [(name, value) for name, value in _SECURITY if name not in own]
            headers.append((b"x-request-id", self._request_id.encode()))
            if self._body.left:
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        else:
            SENT.inc(len(message.get("body", b"")))
        await self._send(message)
