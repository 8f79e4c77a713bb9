"""Uploads and their parts in the records: what has arrived, and what counts.

The offset is the contiguous prefix of the recorded parts. It moves by one conditional UPDATE that names where it stood, so
of two writers at one offset only one is counted; the other's bytes never were.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, or_, select, update

from services.shared.errors import ChecksumMismatch, OffsetMismatch, PartConflict, Problem, UploadGone, UploadNotFound, UploadNotReceiving
from services.shared.principal import Principal
from services.shared.records.tables import upload_parts, uploads
from services.shared.storage.port import Part

PARTIAL = "partial"


class UploadState(StrEnum):
    RECEIVING = "receiving"
    COMPLETE = "complete"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Upload:
    """One row of the records; `metadata` and `concat` are the tus headers as they came."""

    id: str
    workspace: str
    owner: str
    created_at: datetime
    filename: str
    metadata: str
    size: int | None
    offset: int
    state: UploadState
    concat: str | None
    one_shot: bool
    announced_sha256: str | None
    sha256: str | None
    expires_at: datetime | None
    touched_at: datetime
    profile_job_id: str | None
    profile_id: str | None
    error: dict[str, Any] | None
    freed_at: datetime | None

    @property
    def partial(self) -> bool:
        """Whether it is only a piece of a final upload."""
        return self.concat == PARTIAL

    @property
    def final(self) -> bool:
        """Whether it was joined from partial uploads."""
        return self.concat is not None and not self.partial


@dataclass(frozen=True)
class NewUpload:
    """What an upload is made of."""

    id: str
    filename: str
    expires_at: datetime
    metadata: str = ""
    size: int | None = None
    concat: str | None = None
    one_shot: bool = False
    announced_sha256: str | None = None


def upload_from(row: RowMapping) -> Upload:
    """Return the upload of a row of `uploads`."""
    values = {field.name: row[field.name] for field in fields(Upload)}
    return Upload(**{**values, "state": UploadState(values["state"])})


def create(tx: Connection, new: NewUpload, *, principal: Principal, now: datetime) -> Upload:
    """Record an upload that has no bytes yet."""
    tx.execute(
        insert(uploads).values(
            id=new.id,
            workspace=principal.workspace,
            owner=principal.owner,
            created_at=now,
            filename=new.filename,
            metadata=new.metadata,
            size=new.size,
            offset=0,
            state=UploadState.RECEIVING,
            concat=new.concat,
            one_shot=new.one_shot,
            announced_sha256=new.announced_sha256,
            expires_at=new.expires_at,
            touched_at=now,
        )
    )
    return load(tx, new.id)


def load(tx: Connection, upload_id: str, *, workspace: str | None = None) -> Upload:
    """Return the upload as this transaction sees it; another workspace's does not exist. Raise UploadNotFound."""
    row = tx.execute(select(uploads).where(uploads.c.id == upload_id)).mappings().first()
    if row is None or (workspace is not None and row["workspace"] != workspace):
        raise UploadNotFound(f"There is no upload {upload_id}.")
    return upload_from(row)


def load_readable(tx: Connection, upload_id: str, *, workspace: str | None = None, now: datetime | None = None) -> Upload:
    """Return an upload whose bytes are there (with `now`: and whose time is not over); raise UploadNotFound or UploadGone."""
    upload = load(tx, upload_id, workspace=workspace)
    over = now is not None and upload.state is UploadState.RECEIVING and upload.expires_at is not None and upload.expires_at <= now
    if over or upload.freed_at is not None or upload.state is UploadState.EXPIRED:
        raise UploadGone(f"The upload {upload_id} has expired; its bytes are gone.")
    return upload


def list_parts(tx: Connection, upload_id: str) -> list[Part]:
    """Return the recorded parts in order, without a gap, from the first byte on."""
    columns = [upload_parts.c[field.name] for field in fields(Part)]
    rows = tx.execute(select(*columns).where(upload_parts.c.upload_id == upload_id).order_by(upload_parts.c.offset))
    return [Part(*row) for row in rows]


def record_parts(tx: Connection, upload_id: str, parts: Sequence[Part], *, now: datetime, ended: bool = False) -> Upload:
    """Let parts that are durable count, and complete the upload with its last byte (`ended`: this is all of an unknown length).

    Raise OffsetMismatch if the upload stands elsewhere, PartConflict if other bytes are recorded there, UploadNotReceiving,
    UploadGone or UploadNotFound. The same parts twice are harmless.
    """
    length = sum(part.length for part in parts)
    if parts:
        start = parts[0].offset
        moved = tx.execute(
            update(uploads)
            .where(uploads.c.id == upload_id, uploads.c.offset == start, uploads.c.state == UploadState.RECEIVING)
            .values(offset=start + length, touched_at=now)
        )
        if moved.rowcount == 0:
            return _explain(tx, upload_id, parts)
        tx.execute(insert(upload_parts), [{"upload_id": upload_id, **vars(part)} for part in parts])
    whole = uploads.c.offset == (uploads.c.size if not ended else func.coalesce(uploads.c.size, uploads.c.offset))
    tx.execute(
        update(uploads)
        .where(uploads.c.id == upload_id, uploads.c.state == UploadState.RECEIVING, whole)
        .values(state=UploadState.COMPLETE, size=uploads.c.offset, touched_at=now)
    )
    return load(tx, upload_id)


def set_size(tx: Connection, upload_id: str, size: int) -> None:
    """Give an upload of deferred length its length; the same twice is harmless, another one raises OffsetMismatch."""
    fits = tx.execute(
        update(uploads)
        .where(
            uploads.c.id == upload_id,
            uploads.c.state.in_([UploadState.RECEIVING, UploadState.COMPLETE]),
            uploads.c.offset <= size,
            or_(uploads.c.size.is_(None), uploads.c.size == size),
        )
        .values(size=size)
    )
    if fits.rowcount == 0:
        raise OffsetMismatch(f"The upload {upload_id} can't have the length {size} by now.")


def set_profile_job(tx: Connection, upload_id: str, job_id: str) -> None:
    """Name the newest profile job."""
    tx.execute(update(uploads).where(uploads.c.id == upload_id).values(profile_job_id=job_id))


def set_profile(tx: Connection, upload_id: str, profile_id: str) -> None:
    """Name the newest finished profile."""
    tx.execute(update(uploads).where(uploads.c.id == upload_id).values(profile_id=profile_id))


def set_expiry(tx: Connection, upload_id: str, expires_at: datetime | None) -> None:
    """Say when the bytes may be freed."""
    tx.execute(update(uploads).where(uploads.c.id == upload_id).values(expires_at=expires_at))


def set_sha256(tx: Connection, upload_id: str, sha256: str) -> Upload:
    """Record the digest of the whole file; one that was announced differently fails the upload (`error` says so)."""
    upload = load(tx, upload_id)
    tx.execute(update(uploads).where(uploads.c.id == upload_id).values(sha256=sha256))
    if upload.announced_sha256 not in (None, sha256):
        fail(tx, upload_id, ChecksumMismatch(f"The file has the sha256 {sha256}; {upload.announced_sha256} was announced."))
    return load(tx, upload_id)


def fail(tx: Connection, upload_id: str, problem: Problem) -> None:
    """End an upload with a problem; an expired one stays what it is."""
    tx.execute(
        update(uploads)
        .where(uploads.c.id == upload_id, uploads.c.state.in_([UploadState.RECEIVING, UploadState.COMPLETE]))
        .values(state=UploadState.FAILED, error=problem.to_json(instance=f"/v1/uploads/{upload_id}"))
    )


def expire(tx: Connection, upload_id: str, *, now: datetime) -> list[str]:
    """Let go of an upload's bytes and keep its record; return the ids of the uploads whose bytes nobody needs any more."""
    sources = _sources(tx, upload_id)
    tx.execute(update(uploads).where(uploads.c.id == upload_id).values(state=UploadState.EXPIRED, freed_at=now))
    tx.execute(delete(upload_parts).where(upload_parts.c.upload_id == upload_id))
    return sorted(sources - find_needed(tx, sources))


def remove(tx: Connection, upload_id: str) -> list[str]:
    """Delete an upload's record; return the ids of the uploads whose bytes nobody needs any more."""
    sources = _sources(tx, upload_id)
    tx.execute(delete(uploads).where(uploads.c.id == upload_id))
    return sorted(sources - find_needed(tx, sources))


def find_needed(tx: Connection, source_ids: Collection[str]) -> set[str]:
    """Return those of these ids whose stored bytes some record needs."""
    own = select(uploads.c.id).where(uploads.c.id.in_(source_ids), uploads.c.freed_at.is_(None))
    joined = select(upload_parts.c.source_id).where(upload_parts.c.source_id.in_(source_ids)).distinct()
    return {*tx.execute(own).scalars(), *tx.execute(joined).scalars()}


def sum_awaited(tx: Connection, *, now: datetime) -> int:
    """Return how many bytes are announced and have not arrived, in all workspaces."""
    awaited = select(func.coalesce(func.sum(uploads.c.size - uploads.c.offset), 0)).where(
        uploads.c.state == UploadState.RECEIVING, uploads.c.size.is_not(None), uploads.c.expires_at > now
    )
    return int(tx.execute(awaited).scalar_one())


def _sources(tx: Connection, upload_id: str) -> set[str]:
    parts = select(upload_parts.c.source_id).where(upload_parts.c.upload_id == upload_id).distinct()
    return {upload_id, *tx.execute(parts).scalars()}


def _explain(tx: Connection, upload_id: str, parts: Sequence[Part]) -> Upload:
    upload = load_readable(tx, upload_id)
    first, last = parts[0], parts[-1]
    stored = [part for part in list_parts(tx, upload_id) if first.offset <= part.offset <= last.offset]
    if stored == list(parts):
        return upload
    if stored and stored[0].offset == first.offset and stored[0].length == first.length and stored[0].crc32 != first.crc32:
        raise PartConflict(f"Other bytes are stored at offset {first.offset} of the upload {upload_id}.")
    if upload.state is not UploadState.RECEIVING:
        raise UploadNotReceiving(f"The upload {upload_id} is {upload.state} and takes no more bytes.")
    raise mismatch(upload, first.offset)


def mismatch(upload: Upload, offset: int) -> OffsetMismatch:
    """Return the problem of a write that starts where the upload does not stand."""
    return OffsetMismatch(f"The upload {upload.id} stands at {upload.offset}, not at {offset}.", headers={"Upload-Offset": str(upload.offset)})
