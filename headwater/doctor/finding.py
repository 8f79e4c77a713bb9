"""A finding: one thing the doctor looked at, what is so, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a thing is: `note` is worth knowing and nothing is broken."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One sentence of what is so, and, unless all is well, one of what to do."""

    name: str
    level: Level
    detail: str
    remedy: str = ""


def ok(name: str, detail: str) -> Finding:
    """Return that a thing is as it should be."""
    return Finding(name, Level.OK, detail)


def note(name: str, detail: str, remedy: str = "") -> Finding:
    """Return something worth knowing."""
    return Finding(name, Level.NOTE, detail, remedy)


def wrong(name: str, detail: str, remedy: str) -> Finding:
    """Return something that has to change."""
    return Finding(name, Level.WRONG, detail, remedy)
