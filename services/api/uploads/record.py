"""What the record of an upload goes through, each step one transaction: created, joined, grown, given up, deleted.

The profile job belongs to the upload's growth: it starts in the transaction that records the first 256 KiB or the last
byte, and whoever waits for more bytes is woken in the one that records them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection, select

from services.api.deps import Services
from services.shared.clock import utc_now
from services.shared.errors import ConcatenationInvalid, InsufficientStorage, Problem, UploadTooLarge
from services.shared.jobs.model import Kind, NewJob, State
from services.shared.principal import Principal
from services.shared.records import uploads
from services.shared.records.audit import note
from services.shared.records.tables import jobs
from services.shared.records.uploads import NewUpload, Upload, UploadState
from services.shared.storage.port import Part
from services.shared.uploads_sweep import check_unused

PROFILE_FROM_BYTES = 256 * 1024
_ALL_BYTES = 2**62


@dataclass(frozen=True)
class Actor:
    """Who acts on uploads, with what, in which request; `on_complete` joins the transaction that completes an upload."""

    services: Services
    principal: Principal
    request_id: str
    on_complete: Callable[[Connection, Upload], None] | None = None


@dataclass(frozen=True)
class Announced:
    """What a client says of an upload before it sends it."""

    id: str
    filename: str
    metadata: str = ""
    size: int | None = None
    concat: str | None = None
    one_shot: bool = False
    sha256: str | None = None


def create(actor: Actor, announced: Announced) -> Upload:
    """Record an upload; raise UploadTooLarge or InsufficientStorage before a byte is read."""
    check_size(actor.services, announced.size)
    check_room(actor.services, more=announced.size or 0, beside_awaited=True)
    with actor.services.database.write() as tx:
        return _insert(tx, actor, announced)


def join(actor: Actor, announced: Announced, partial_ids: Sequence[str]) -> Upload:
    """Record an upload whose bytes are those of complete partial uploads, in this order; no byte is copied."""
    limit = actor.services.settings.max_concatenated_parts
    if not 1 <= len(partial_ids) <= limit:
        raise ConcatenationInvalid(f"A final upload joins 1 to {limit} partial uploads, not {len(partial_ids)}.")
    with actor.services.database.write() as tx:
        parts: list[Part] = []
        size = 0
        for partial_id in partial_ids:
            partial = _load_partial(tx, partial_id, actor.principal)
            parts += [replace(part, offset=size + part.offset) for part in uploads.list_parts(tx, partial_id)]
            size += partial.offset
        check_size(actor.services, size)
        final = _insert(tx, actor, replace(announced, size=size))
        final, woken = _grow(tx, actor, final.id, parts, ended=True)
    actor.services.outbox.send_soon(*woken)
    return final


def get(actor: Actor, upload_id: str) -> Upload:
    """Return an upload of the caller's workspace."""
    with actor.services.database.read() as tx:
        return uploads.load(tx, upload_id, workspace=actor.principal.workspace)


def get_open(actor: Actor, upload_id: str) -> Upload:
    """Return an upload that has not expired, whether or not the reconciler has noticed; raise UploadGone."""
    with actor.services.database.read() as tx:
        return uploads.load_readable(tx, upload_id, workspace=actor.principal.workspace, now=utc_now())


def grow(actor: Actor, upload_id: str, parts: Sequence[Part], *, ended: bool = False) -> Upload:
    """Let durable parts count; with the last one the upload is complete."""
    with actor.services.database.write() as tx:
        upload, woken = _grow(tx, actor, upload_id, parts, ended=ended)
    actor.services.outbox.send_soon(*woken)
    return upload


def set_size(actor: Actor, upload: Upload, size: int) -> Upload:
    """Give an upload of deferred length its length; one whose bytes are all there is complete with it."""
    check_size(actor.services, size)
    check_room(actor.services, more=size - upload.offset, beside_awaited=True)
    with actor.services.database.write() as tx:
        uploads.set_size(tx, upload.id, size)
        sized, woken = _grow(tx, actor, upload.id, (), ended=False)
    actor.services.outbox.send_soon(*woken)
    return sized


def give_up(actor: Actor, upload_id: str, problem: Problem) -> None:
    """Fail an upload that can't be resumed, and wake who waits for its bytes; one whose last byte is stored stays complete."""
    with actor.services.database.write() as tx:
        if uploads.load(tx, upload_id).state is not UploadState.RECEIVING:
            return
        uploads.fail(tx, upload_id, problem)
        woken = actor.services.jobs.wake(tx, upload_id, offset=_ALL_BYTES)
    actor.services.outbox.send_soon(*woken)


def delete(actor: Actor, upload_id: str, *, force: bool) -> None:
    """Delete an upload and free its bytes; its jobs end. Raise UploadInUse unless forced."""
    with actor.services.database.write() as tx:
        upload = uploads.load_readable(tx, upload_id, workspace=actor.principal.workspace, now=utc_now())
        if not force:
            check_unused(tx, upload_id)
        running = jobs.c.state.in_([State.QUEUED, State.RUNNING])
        for job_id in tx.execute(select(jobs.c.id).where(jobs.c.resource_id == upload_id, running)).scalars().all():
            actor.services.jobs.cancel(tx, job_id)
        freed = uploads.remove(tx, upload_id)
        detail = {"filename": upload.filename, "size": upload.size, "offset": upload.offset, "force": force}
        note(tx, actor.principal, "upload.delete", upload_id, request_id=actor.request_id, detail=detail)
    for source_id in freed:
        actor.services.parts.free(source_id)


def check_size(services: Services, size: int | None) -> None:
    """Raise UploadTooLarge for a length beyond the limit."""
    limit = services.settings.max_upload_bytes
    if size is not None and size > limit:
        raise UploadTooLarge(f"{size:,} bytes are more than the {limit:,} that one upload may have.")


def check_room(services: Services, *, more: int, beside_awaited: bool) -> None:
    """Raise InsufficientStorage before the disk is full; bytes that others have announced may be counted as stored."""
    free = services.storage.free_bytes()
    if free is None:
        return
    awaited = 0
    if beside_awaited:
        with services.database.read() as tx:
            awaited = uploads.sum_awaited(tx, now=utc_now())
    if free - awaited - more < services.settings.min_free_bytes:
        raise InsufficientStorage(
            f"{more:,} more bytes do not fit: the disk has {free:,} left, {awaited:,} of them are promised to other uploads, "
            f"and {services.settings.min_free_bytes:,} are kept free (HEADWATER_MIN_FREE_BYTES). Free some room, and send it again."
        )


def _insert(tx: Connection, actor: Actor, announced: Announced) -> Upload:
    now = utc_now()
    new = NewUpload(
        id=announced.id,
        filename=announced.filename,
        expires_at=now + timedelta(seconds=actor.services.settings.retain_incomplete_s),
        metadata=announced.metadata,
        size=announced.size,
        concat=announced.concat,
        one_shot=announced.one_shot,
        announced_sha256=announced.sha256,
    )
    return uploads.create(tx, new, principal=actor.principal, now=now)


def _load_partial(tx: Connection, upload_id: str, principal: Principal) -> Upload:
    upload = uploads.load_readable(tx, upload_id, workspace=principal.workspace, now=utc_now())
    if not upload.partial:
        raise ConcatenationInvalid(f"The upload {upload_id} is not a partial one.")
    if upload.state is not UploadState.COMPLETE:
        raise ConcatenationInvalid(f"The partial upload {upload_id} is {upload.state}; only complete ones can be joined.")
    return upload


def _grow(tx: Connection, actor: Actor, upload_id: str, parts: Sequence[Part], *, ended: bool) -> tuple[Upload, list[str]]:
    """Record parts and what follows from them; return the upload and the jobs whose messages are to be sent."""
    now = utc_now()
    upload = uploads.record_parts(tx, upload_id, parts, now=now, ended=ended)
    complete = upload.state is UploadState.COMPLETE
    if upload.partial:
        return upload, []
    if complete:
        uploads.set_expiry(tx, upload_id, now + timedelta(seconds=actor.services.settings.retain_raw_s))
    woken = actor.services.jobs.wake(tx, upload_id, offset=_ALL_BYTES if complete else upload.offset)
    if upload.profile_job_id is None and (complete or upload.offset >= PROFILE_FROM_BYTES):
        new = NewJob(kind=Kind.PROFILE, resource_type="upload", resource_id=upload_id, params={}, request_id=actor.request_id)
        job = actor.services.jobs.submit(tx, new, principal=Principal(upload.workspace, upload.owner))
        uploads.set_profile_job(tx, upload_id, job.id)
        woken = [*woken, job.id]
    upload = uploads.load(tx, upload_id)
    if complete and actor.on_complete is not None:
        actor.on_complete(tx, upload)
    return upload, woken
