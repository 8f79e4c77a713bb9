"""Who acts: a principal and the workspace its work belongs to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Principal:
    """The caller; every owned row carries both fields."""

    workspace: str
    owner: str


LOCAL = Principal(workspace="default", owner="local")
