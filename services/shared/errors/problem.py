"""A problem: one refusal, with the machine word a client may rely on, as a request answers it and a record stores it (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

PROBLEM_BASE = "/docs/problems#"


@dataclass(frozen=True)
class FieldError:
    """One thing wrong in a request: a JSON pointer (RFC 6901) and a sentence."""

    pointer: str
    detail: str


class Problem(Exception):
    """What went wrong, in the words of RFC 9457; `line` and `column` (from 1) point into the SQL or the file."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something failed inside Headwater"

    def __init__(
        self,
        detail: str = "",
        *,
        line: int | None = None,
        column: int | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.line = line
        self.column = column
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def to_json(self, *, instance: str | None = None) -> dict[str, Any]:
        """Return the problem document; `instance` is the request's or the job's own path."""
        document: dict[str, Any] = {
            "type": PROBLEM_BASE + self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
        }
        if self.line is not None:
            document["line"] = self.line
        if self.column is not None:
            document["column"] = self.column
        if self.errors:
            document["errors"] = [{"pointer": e.pointer, "detail": e.detail} for e in self.errors]
        return document


def restored(document: Mapping[str, Any]) -> Problem:
    """Return the problem that a record has stored."""
    kinds = [Problem]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    found = next((kind for kind in kinds if kind.code == document.get("code")), Problem)
    return found(str(document.get("detail", "")), line=document.get("line"), column=document.get("column"))
