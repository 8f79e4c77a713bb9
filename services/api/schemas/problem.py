"""Problems: RFC 9457 documents, the same for a failed request, job or query."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from services.api.schemas.base import Schema, absent

Line = Annotated[int, Field(ge=1)]


class FieldProblem(Schema):
    """One unacceptable value of a request."""

    pointer: str
    detail: str


class Problem(Schema):
    """What went wrong, with a stable machine word."""

    type: Annotated[str, Field(pattern="^/docs/problems#[a-z0-9_]+$")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    instance: str | None
    code: Annotated[str, Field(pattern="^[a-z0-9_]+$")]
    line: Line | SkipJsonSchema[None] = absent()
    column: Line | SkipJsonSchema[None] = absent()
    errors: tuple[FieldProblem, ...] | SkipJsonSchema[None] = absent()
