"""Pages of a list: the items, and where the next page starts."""

from __future__ import annotations

from typing import Generic, TypeVar

from services.api.schemas.base import Schema

Item = TypeVar("Item", bound=Schema)


class Page(Schema, Generic[Item]):
    """One page; `next_cursor` is null on the last one."""

    items: tuple[Item, ...]
    next_cursor: str | None
