"""The one way a command ends early: a sentence for the person who typed it, and an exit code."""

from __future__ import annotations


class CannotStart(Exception):
    """What keeps Headwater from starting, and what to do about it; `exit_code` 2 means that the caller can change it."""

    def __init__(self, detail: str, *, exit_code: int = 2) -> None:
        super().__init__(detail)
        self.exit_code = exit_code
