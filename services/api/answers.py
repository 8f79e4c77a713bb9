"""Answers: JSON with an ETag that costs 304 while nothing changed, accepted work, files, and what the document says of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Header, Response
from fastapi.responses import StreamingResponse

from services.api.problems import MEDIA_TYPE
from services.api.schemas.base import Schema
from services.shared.errors import PreconditionFailed, Problem

Responses = dict[int | str, dict[str, Any]]
PROBLEM_CONTENT = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
NO_BODY: Responses = {304: {"description": "Nothing changed since the answer with this ETag."}}
_JSON = "application/json"


def problems(*kinds: type[Problem]) -> Responses:
    """Describe the problems of an operation beside those that every operation has."""
    return {kind.status: {"description": kind.title, "content": PROBLEM_CONTENT} for kind in kinds}


def file_content(*media_types: str) -> dict[str, Any]:
    """Describe a body that is a file."""
    return {"content": {media: {"schema": {"type": "string", "contentMediaType": media}} for media in media_types}}


def to_bytes(body: Schema) -> bytes:
    """Return the body's JSON."""
    return body.model_dump_json().encode()


def etag_of(content: bytes) -> str:
    """Return the ETag of an answer's bytes."""
    return f'"{blake2b(content, digest_size=12).hexdigest()}"'


@dataclass(frozen=True)
class Fresh:
    """What the client has: answers 304 to one that has it all."""

    known: frozenset[str] = frozenset()

    def answer(self, body: Schema | bytes) -> Response:
        """Return the body, or 304."""
        content = body if isinstance(body, bytes) else to_bytes(body)
        etag = etag_of(content)
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if self.has(etag):
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=_JSON)

    def stream(self, pieces: Callable[[], Iterator[bytes]]) -> Response:
        """Return a body that is read twice, for its ETag and to be sent, and never held whole; or 304."""
        digest = blake2b(digest_size=12)
        length = 0
        for piece in pieces():
            digest.update(piece)
            length += len(piece)
        etag = f'"{digest.hexdigest()}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if self.has(etag):
            return Response(status_code=304, headers=headers)
        return StreamingResponse(pieces(), headers={**headers, "Content-Length": str(length)}, media_type=_JSON)

    def has(self, etag: str) -> bool:
        """Return whether the client has the answer of this ETag."""
        return etag in self.known or "*" in self.known


async def read_fresh(
    if_none_match: Annotated[str | None, Header(description="ETags of answers the client has; `304` while nothing changed.")] = None,
) -> Fresh:
    """Return what `If-None-Match` says."""
    return Fresh(frozenset(part.strip().removeprefix("W/") for part in (if_none_match or "").split(",") if part.strip()))


IfNoneMatch = Annotated[Fresh, Depends(read_fresh)]


@dataclass(frozen=True)
class Unchanged:
    """What the client believes the resource to be; None believes nothing."""

    expected: frozenset[str] | None = None

    def check(self, etag: str) -> None:
        """Raise PreconditionFailed if the resource is no longer the one that the client knows."""
        if self.expected is not None and "*" not in self.expected and etag not in self.expected:
            raise PreconditionFailed(f"It was changed by someone else meanwhile; its ETag is {etag}. Read it again.", headers={"ETag": etag})


def read_unchanged(
    if_match: Annotated[str | None, Header(description="The ETag of the state that may be changed; `412` when it is no longer that one.")] = None,
) -> Unchanged:
    """Return what `If-Match` says."""
    if if_match is None:
        return Unchanged()
    return Unchanged(frozenset(part.strip() for part in if_match.split(",") if part.strip()))


IfMatch = Annotated[Unchanged, Depends(read_unchanged)]


@dataclass(frozen=True)
class Answer:
    """A finished answer as it is stored under an Idempotency-Key."""

    status: int
    body: bytes
    headers: dict[str, str]

    def response(self, *, replayed: bool = False) -> Response:
        """Return it as a response."""
        extra = {"Idempotent-Replayed": "true"} if replayed else {}
        return Response(self.body, self.status, {**self.headers, **extra, "Cache-Control": "no-store"}, _JSON)


def accepted(body: Schema, *, location: str, status: int = 202, retry_after_s: int | None = 1) -> Answer:
    """Return the answer of work that was accepted, or, with another status and no wait, of what was made."""
    wait = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return Answer(status, to_bytes(body), {"Location": location, **wait})


def attachment(filename: str) -> str:
    """Return a Content-Disposition (RFC 6266) that no filename can break out of."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='', errors='replace')}"


def stream_file(chunks: Iterable[bytes], *, filename: str, media_type: str) -> StreamingResponse:
    """Return a file that is made while it is sent."""
    headers = {"Content-Disposition": attachment(filename), "Cache-Control": "private, no-cache"}
    return StreamingResponse(chunks, headers=headers, media_type=media_type)
