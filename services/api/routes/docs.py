"""The pages of `/docs`: the API, read from its document by a script of our own, and every problem; nothing comes from elsewhere."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from services.api.problem_page import render

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
    return Response(render(), headers=_HEADERS, media_type="text/html")
