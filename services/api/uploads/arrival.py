"""Requests that bring bytes: a whole file at once, a tus creation, a tus PATCH."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from fastapi import Request, Response
from sqlalchemy import Connection

from services.api import idempotency
from services.api.answers import Answer, to_bytes
from services.api.deps import Services
from services.api.idempotency import Earlier, Key
from services.api.schemas.uploads import Upload as UploadSchema
from services.api.stop import Stop
from services.api.uploads import record, tus
from services.api.uploads.body import Body, BodyBroken
from services.api.uploads.checksum import Checksum, parse_checksum
from services.api.uploads.filename import clean_filename
from services.api.uploads.intake import Intake
from services.api.uploads.record import Actor, Announced
from services.shared.clock import utc_now
from services.shared.errors import (
    BadRequest,
    InternalError,
    Problem,
    UnsupportedMediaType,
    UploadIncomplete,
    UploadIsFinal,
    UploadNotFound,
    UploadNotReceiving,
)
from services.shared.ids import new_id, time_of
from services.shared.records import uploads
from services.shared.records.uploads import PARTIAL, Upload, UploadState, mismatch
from services.shared.uncancelled import uncancelled
from services.shared.uploads_sweep import silent_since

_BEGINNING_S = 30


@dataclass(frozen=True)
class Arrival:
    """A request with bytes, and what it needs."""

    actor: Actor
    request: Request
    stop: Stop


async def take_whole(arrival: Arrival, *, filename: str, sha256: str | None, key: str | None) -> Response:
    """Store the body as one upload; cut short, or refused on the way, the upload is failed."""
    headers = arrival.request.headers
    if headers.get("content-type", "").lower().startswith("multipart/"):
        raise UnsupportedMediaType("The body is multipart; send the bytes of the file itself.")
    size = None if "transfer-encoding" in headers else tus.parse_length(headers, "content-length") or 0
    announced = Announced(new_id("upl"), clean_filename(filename), size=size, one_shot=True, sha256=sha256)

    async def make(actor: Actor) -> Upload:
        upload = await asyncio.to_thread(record.create, actor, announced)
        try:
            return await _take_body(arrival, actor, upload)
        except Exception as error:
            problem = error if isinstance(error, Problem) else InternalError()
            await asyncio.to_thread(record.give_up, actor, upload.id, problem)
            raise

    known_by = idempotency.key_of(arrival.request, arrival.actor.principal, key, content=[size])
    return await _once(arrival.actor, announced.id, make, key=known_by)


async def create_by_tus(arrival: Arrival, *, key: str | None) -> Response:
    """Create what the tus headers announce, and store the first bytes if they come along."""
    headers = arrival.request.headers
    tus.check_version(headers)
    announced, checksum = tus.announced(headers, upload_id=new_id("upl")), parse_checksum(headers.get("upload-checksum"))
    partial_ids = tus.parse_final(announced.concat) if announced.concat not in (None, PARTIAL) else None
    with_bytes = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
    if tus.parse_length(headers, "upload-offset"):
        raise BadRequest("A creation starts at Upload-Offset 0.")
    if with_bytes and partial_ids is not None:
        raise UploadIsFinal("A final upload is joined from partial ones and takes no bytes of its own.")
    if with_bytes:
        tus.check_media_type(headers)

    async def make(actor: Actor) -> Upload:
        if partial_ids is not None:
            return await asyncio.to_thread(record.join, actor, announced, partial_ids)
        upload = await asyncio.to_thread(record.create, actor, announced)
        try:
            return await _take_body(arrival, actor, upload, checksum) if with_bytes or not upload.size else upload
        except Problem as problem:
            problem.headers["Location"] = location(upload)
            raise

    named = ("upload-length", "upload-defer-length", "upload-concat", "upload-metadata", "content-length")
    content = [headers.get(name) for name in named]
    known_by = idempotency.key_of(arrival.request, arrival.actor.principal, key, content=content)
    return await _once(arrival.actor, announced.id, make, key=known_by)


async def append(arrival: Arrival, upload_id: str) -> Response:
    """Store the body of a tus PATCH where the upload stands."""
    headers = arrival.request.headers
    tus.check_version(headers)
    tus.check_media_type(headers)
    offset, length = tus.parse_length(headers, "upload-offset"), tus.parse_length(headers, "upload-length")
    checksum = parse_checksum(headers.get("upload-checksum"))
    if offset is None:
        raise BadRequest("A PATCH says at which Upload-Offset its bytes start.")
    upload = await asyncio.to_thread(record.get_open, arrival.actor, upload_id)
    if upload.final:
        raise UploadIsFinal(f"The upload {upload_id} was joined from partial ones and takes no bytes of its own.")
    if upload.one_shot:
        raise UploadNotReceiving(f"The upload {upload_id} arrives in one request and can't be resumed.")
    if upload.offset != offset:
        raise mismatch(upload, offset)
    if length is not None:
        upload = await asyncio.to_thread(record.set_size, arrival.actor, upload, length)
    upload = await _take_body(arrival, arrival.actor, upload, checksum)
    return Response(status_code=204, headers=tus.state_headers(upload))


def location(upload: Upload) -> str:
    """Return the upload's address."""
    return f"/v1/uploads/{upload.id}"


async def _take_body(arrival: Arrival, actor: Actor, upload: Upload, checksum: Checksum | None = None) -> Upload:
    intake = Intake(actor, upload, arrival.stop, checksum=checksum)
    intake.check_size(tus.parse_length(arrival.request.headers, "content-length") or 0)
    try:
        async with Body(arrival.request.receive) as body:
            return await intake.take(body)
    except BodyBroken as error:
        raise UploadIncomplete(f"The connection of the upload {upload.id} ended before its body did.") from error


async def _once(actor: Actor, upload_id: str, make: Callable[[Actor], Awaitable[Upload]], *, key: Key | None) -> Response:
    """Make an upload, once for each Idempotency-Key; the transaction that completes the upload also keeps the answer."""
    services = actor.services
    if key is None:
        return _answer(await make(actor)).response()
    known = await asyncio.to_thread(
        lambda: idempotency.begin(services, key, resource_id=upload_id, look=lambda tx, earlier: _look(tx, services, earlier))
    )
    if known is not None:
        return known.response(replayed=True)
    try:
        upload = await make(replace(actor, on_complete=lambda tx, complete: idempotency.finish(tx, key, _answer(complete))))
    except BaseException:
        await uncancelled(asyncio.to_thread(idempotency.abandon, services.database, key))
        raise
    if upload.partial or upload.state is not UploadState.COMPLETE:
        await asyncio.to_thread(_keep_answer, services, key, upload)
    return _answer(upload).response()


def _keep_answer(services: Services, key: Key, upload: Upload) -> None:
    with services.database.write() as tx:
        idempotency.finish(tx, key, _answer(upload))


def _answer(upload: Upload) -> Answer:
    headers = {"Location": location(upload), **({} if upload.one_shot else tus.state_headers(upload))}
    return Answer(201, to_bytes(UploadSchema.model_validate(upload)), headers)


def _look(tx: Connection, services: Services, upload_id: str) -> Earlier:
    """Say what became of the request that took the key with this id: it may be about to record its upload, or have left one to go on with."""
    try:
        upload = uploads.load(tx, upload_id)
    except UploadNotFound:
        return Earlier(alive=time.time() - time_of(upload_id) < _BEGINNING_S)
    receiving = upload.state is UploadState.RECEIVING
    if upload.one_shot or not (receiving or upload.state is UploadState.COMPLETE):
        return Earlier(alive=receiving)
    if receiving and upload.touched_at >= silent_since(services.settings, now=utc_now()):
        return Earlier(alive=True)
    return Earlier(answer=_answer(upload))
