"""Results: pages of what a query returned."""

from __future__ import annotations

from services.api.schemas.base import Count, ResultValue, Schema


class ResultColumn(Schema):
    """A column of a result, its type in Athena's words."""

    name: str
    type: str


class ResultPage(Schema):
    """Some rows of a result; numbers are written by their column's type, never by their value."""

    columns: tuple[ResultColumn, ...]
    rows: tuple[tuple[ResultValue, ...], ...]
    next_cursor: str | None
    total_rows: Count
