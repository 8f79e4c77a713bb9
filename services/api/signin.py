"""Sign-in: who sent a request, known before a byte of its body is read.

On one machine its user is the only one there is; with `HEADWATER_AUTH=oidc` every request but the health checks needs a bearer token.
"""

from __future__ import annotations

import asyncio

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.issuer import Issuer, fetch_from
from services.api.problems import answer
from services.api.tokens import Expected, read_header, read_subject
from services.shared.errors import Problem, Unauthenticated
from services.shared.principal import LOCAL, Principal
from services.shared.settings import Settings

PUBLIC = frozenset({"/healthz", "/readyz"})


class SignIn:
    """Lets in who brings a good token, and says in the request's state who that is."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._issuer = Issuer(fetch_from(settings.oidc_jwks_url or ""))
        self._expected = Expected(settings.oidc_issuer or "", settings.oidc_audience or "")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in PUBLIC:
            await self._app(scope, receive, send)
            return
        try:
            subject = await self._subject(Headers(scope=scope))
        except Problem as problem:
            await answer(problem, instance=Request(scope).url.path)(scope, receive, send)
            return
        scope.setdefault("state", {})["principal"] = Principal(LOCAL.workspace, subject)
        await self._app(scope, receive, send)

    async def _subject(self, headers: Headers) -> str:
        given = headers.getlist("authorization")
        kind, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if kind.lower() != "bearer":
            raise Unauthenticated("A bearer token is needed: Authorization: Bearer …", headers={"WWW-Authenticate": 'Bearer realm="headwater"'})
        header = read_header(token.strip())
        key = await asyncio.to_thread(self._issuer.key_for, header)
        return read_subject(token.strip(), key, header.algorithm, self._expected)
