"""The pages of `/docs`: the API, read from its document by a script of our own, and every problem; nothing comes from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from services.shared.errors import Problem

_STATIC = Path(__file__).parents[1] / "static"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}
router = APIRouter(prefix="/docs", include_in_schema=False)


@router.get("")
def get_docs() -> Response:
    """Show the API."""
    return FileResponse(_STATIC / "docs.html", headers=_HEADERS, media_type="text/html")


@router.get("/docs.js")
def get_script() -> Response:
    """Send the page's script."""
    return FileResponse(_STATIC / "docs.js", headers=_HEADERS, media_type="text/javascript")


@router.get("/docs.css")
def get_style() -> Response:
    """Send the page's style."""
    return FileResponse(_STATIC / "docs.css", headers=_HEADERS, media_type="text/css")


@router.get("/problems")
def get_problems() -> Response:
    """Show what each problem's `type` points to."""
    kinds = sorted({kind.code: kind for kind in _kinds(Problem)}.items())
    entries = "".join(f'<dt id="{code}">{code}</dt><dd>{kind.status}: {escape(kind.title)}.</dd>' for code, kind in kinds)
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Headwater problems</title>'
        '<link rel="stylesheet" href="/docs/docs.css"></head><body><h1>Problems</h1><p><a href="/docs">The API</a></p>'
        f"<dl>{entries}</dl></body></html>"
    )
    return Response(page, headers=_HEADERS, media_type="text/html")


def _kinds(kind: type[Problem]) -> Iterator[type[Problem]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _kinds(child)
