"""The page that each problem's `type` points to, made from `docs/problems.md`: every code, its status, what to do.

The page's form is fixed (`tests/docs` holds it): a heading `## code`, then one paragraph whose only marks are `**…**` and backticks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from services.shared.errors import Problem

PAGE = Path(__file__).resolve().parents[2] / "docs" / "problems.md"
_SECTION = re.compile(r"^## ([a-z0-9_]+)\n\n(.+?)\s*(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_MARKS = ((re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"), (re.compile(r"`([^`]+)`"), r"<code>\1</code>"))


def render(page: Path = PAGE) -> str:
    """Return the page as HTML; a code that the page does not explain, or a page that is not installed, leaves its status and title."""
    texts = dict(_SECTION.findall(page.read_text("utf-8"))) if page.is_file() else {}
    kinds = sorted({kind.code: kind for kind in _kinds(Problem)}.items())
    entries = "".join(_entry(kind, texts.get(code)) for code, kind in kinds)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<title>Headwater problems</title><link rel="stylesheet" href="/docs/docs.css"></head><body><h1>Problems</h1>'
        '<p><a href="/docs">The API</a></p><p>A request that is refused, and a job or a query that fails, says why with a <code>code</code>. '
        f"This is what each means and what to do.</p><dl>{entries}</dl></body></html>"
    )


def _entry(kind: type[Problem], text: str | None) -> str:
    shown = escape(text or f"**{kind.status}** · {kind.title}.")
    for mark, element in _MARKS:
        shown = mark.sub(element, shown)
    return f'<dt id="{kind.code}"><a href="#{kind.code}">{kind.code}</a></dt><dd>{shown}</dd>'


def _kinds(kind: type[Problem]) -> Iterator[type[Problem]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _kinds(child)
