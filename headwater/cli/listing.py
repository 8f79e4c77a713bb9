"""What every list has: its length, and its times."""

from __future__ import annotations

from typing import Annotated

import typer

Limit = Annotated[int, typer.Option("--limit", min=1, help="The most to list.")]


def moment(timestamp: str) -> str:
    """Return a time of the API to the second, as a list shows it; it is UTC."""
    return timestamp[:19].replace("T", " ")
