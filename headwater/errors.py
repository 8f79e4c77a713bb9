"""The one way a command ends early: a sentence for the person who typed it, and an exit code."""

from __future__ import annotations

from pydantic_core import ErrorDetails

from services.shared.settings import Settings


class CannotStart(Exception):
    """What keeps Headwater from starting, and what to do about it; `exit_code` 2 means that the caller can change it."""

    def __init__(self, detail: str, *, exit_code: int = 2) -> None:
        super().__init__(detail)
        self.exit_code = exit_code


def describe_problem(problem: ErrorDetails) -> str:
    """Return what a setting refuses, with the value given; a secret's, or that of many settings at once, is not repeated."""
    if not problem["loc"]:
        return problem["msg"]
    name = str(problem["loc"][0])
    field = Settings.model_fields.get(name)
    given = f" (given: {problem['input']})" if field is not None and field.repr else ""
    return f"HEADWATER_{name.upper()}: {problem['msg']}{given}"
