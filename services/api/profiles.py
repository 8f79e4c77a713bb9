"""Profiles and previews: read as they are stored, a range of columns at a time, and made anew with other settings."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import Response
from sqlalchemy import Connection, RowMapping, select

from services.api.answers import Answer, Fresh, accepted
from services.api.deps import Services
from services.api.jobs import accept
from services.api.parameters import column_range
from services.api.schemas.profiles import ProfileRequest
from services.api.schemas.uploads import Preview, Upload
from services.shared.errors import FieldError, ProfileFailed, ProfileNotFound, ProfileNotReady, UnsupportedCompression, ValidationFailed
from services.shared.jobs.model import Job, Kind, NewJob, State
from services.shared.keys import preview_key
from services.shared.principal import Principal
from services.shared.records import uploads
from services.shared.records.tables import profiles
from services.shared.records.uploads import UploadState

COMPRESSION = ("none", "gzip", "zstd")
_HEAD_FIELDS = (
    "sha256",
    "bytes",
    "records",
    "header_records",
    "preamble_records",
    "comment_records",
    "blank_records",
    "rejected_records",
    "dialect",
    "warnings",
)


@dataclass(frozen=True)
class StoredProfile:
    """A finished profile: its record, and the head of its object with the place of each column."""

    row: RowMapping
    head: dict[str, Any]
    columns_at: int

    @property
    def total_columns(self) -> int:
        """How many columns the file has."""
        return len(self.head["column_offsets"]) - 1


def load_profile(tx: Connection, principal: Principal, profile_id: str) -> RowMapping:
    """Return the profile's record, or raise ProfileNotFound."""
    where = (profiles.c.id == profile_id, profiles.c.workspace == principal.workspace)
    row = tx.execute(select(profiles).where(*where)).mappings().first()
    if row is None:
        raise ProfileNotFound(f"There is no profile {profile_id}.")
    return row


def open_profile(services: Services, row: RowMapping) -> StoredProfile:
    """Read the head of the profile's object."""
    with services.storage.open_read(row["key"]) as stream:
        line = stream.readline()
    return StoredProfile(row, json.loads(line), len(line))


def read_columns(services: Services, profile: StoredProfile) -> Iterator[dict[str, Any]]:
    """Yield the profile's columns one after the other."""
    with services.storage.open_read(profile.row["key"]) as stream:
        stream.seek(profile.columns_at)
        for line in stream:
            yield json.loads(line)


def answer_profile(services: Services, principal: Principal, profile_id: str, *, columns: str | None, fresh: Fresh) -> Response:
    """Answer with a profile and the columns that were asked for, as bytes: they are stored in the contract's form."""
    with services.database.read() as tx:
        row = load_profile(tx, principal, profile_id)
    return fresh.stream(lambda: _document(services, open_profile(services, row), *column_range(columns)))


def answer_newest(services: Services, principal: Principal, upload_id: str, *, columns: str | None, fresh: Fresh) -> Response:
    """Answer with the upload's newest profile, or with the job that makes it."""
    with services.database.read() as tx:
        upload = uploads.load_readable(tx, upload_id, workspace=principal.workspace)
        job = services.jobs.load(tx, upload.profile_job_id) if upload.profile_job_id else None
    if job is not None and not job.finished:
        return accept(job, services).response()
    profile_id = _newest(upload, job)
    return answer_profile(services, principal, profile_id, columns=columns, fresh=fresh)


def newest_profile(tx: Connection, services: Services, upload: uploads.Upload) -> str:
    """Return the id of the newest profile; raise ProfileNotReady while one is made, ProfileFailed if it could not be."""
    job = services.jobs.load(tx, upload.profile_job_id) if upload.profile_job_id else None
    if job is not None and not job.finished:
        raise ProfileNotReady(f"The profile of {upload.id} is still being made by {job.id}.", headers={"Retry-After": "1"})
    return _newest(upload, job)


def answer_preview(services: Services, principal: Principal, upload_id: str, *, rows: int, columns: str | None, fresh: Fresh) -> Response:
    """Answer with the first rows, or 202 until they were read."""
    with services.database.read() as tx:
        upload = uploads.load_readable(tx, upload_id, workspace=principal.workspace)
        job = services.jobs.load(tx, upload.profile_job_id) if upload.profile_job_id else None
    key = preview_key(upload.workspace, job.id) if job is not None else None
    if key is None or services.storage.find(key) is None:
        if upload.state is UploadState.FAILED or (job is not None and job.finished):
            raise _failure(upload, job)
        return accepted(Upload.model_validate(upload), location=f"/v1/uploads/{upload_id}/preview").response()
    with services.storage.open_read(key) as stream:
        return fresh.answer(_cut(json.load(stream), rows, *column_range(columns)))


def make_profile(tx: Connection, services: Services, principal: Principal, *, upload_id: str, wanted: ProfileRequest, request_id: str) -> Answer:
    """Start a profile with other settings; one that is being made is superseded."""
    upload = uploads.load_readable(tx, upload_id, workspace=principal.workspace)
    if upload.state is UploadState.FAILED:
        raise _failure(upload, None)
    if upload.profile_job_id is None:
        raise ProfileNotReady(f"The upload {upload_id} has {upload.offset} bytes; its profile starts with 256 KiB or the last byte.")
    if not services.jobs.load(tx, upload.profile_job_id).finished:
        services.jobs.cancel(tx, upload.profile_job_id)
    params = wanted.model_dump(mode="json", exclude_none=True)
    if wanted.dialect is not None:
        params["dialect"] = wanted.dialect.given()
    new = NewJob(kind=Kind.PROFILE, resource_type="upload", resource_id=upload_id, params=params, request_id=request_id)
    job = services.jobs.submit(tx, new, principal=principal)
    uploads.set_profile_job(tx, upload_id, job.id)
    return accept(job, services)


def check_settings(wanted: ProfileRequest) -> ProfileRequest:
    """Refuse settings that contradict themselves or that no file can be read with."""
    dialect = wanted.dialect
    if dialect is None:
        return wanted
    if dialect.compression is not None and dialect.compression not in COMPRESSION:
        raise UnsupportedCompression(f"The compression {dialect.compression} is not supported; {', '.join(COMPRESSION)} are.")
    errors = []
    if None not in (wanted.header, dialect.header) and wanted.header != dialect.header:
        errors.append(FieldError("#/header", f"{str(wanted.header).lower()}: the dialect says the opposite."))
    if dialect.encoding is not None and not _is_text_encoding(dialect.encoding):
        errors.append(FieldError("#/dialect/encoding", f"{dialect.encoding}: not an encoding that is known here."))
    marks = [mark for mark in (dialect.delimiter, dialect.quotechar, dialect.escapechar) if mark]
    if dialect.delimiter and dialect.quotechar and dialect.delimiter == dialect.quotechar:
        errors.append(FieldError("#/dialect/quotechar", f"{dialect.quotechar}: it is the delimiter too."))
    if any("\n" in mark or "\r" in mark for mark in marks):
        errors.append(FieldError("#/dialect", "A delimiter, quote or escape can't hold a line end."))
    if errors:
        raise ValidationFailed("; ".join(f"{error.pointer}: {error.detail}" for error in errors), errors=errors)
    return wanted


def _is_text_encoding(name: str) -> bool:
    try:
        return isinstance("".encode(codecs.lookup(name).name), bytes)
    except (LookupError, TypeError, ValueError):
        return False


def _newest(upload: uploads.Upload, job: Job | None) -> str:
    if upload.state is UploadState.FAILED or (upload.profile_id is None and job is not None and job.state is State.FAILED):
        raise _failure(upload, job)
    if upload.profile_id is None:
        raise ProfileNotReady(f"The upload {upload.id} has no finished profile yet.", headers={"Retry-After": "1"})
    return upload.profile_id


def _failure(upload: uploads.Upload, job: Job | None) -> ProfileFailed:
    why = upload.error or (job.error if job is not None else None)
    if why is not None:
        return ProfileFailed(f"The upload {upload.id} could not be profiled: {why['detail']} ({why['code']})")
    return ProfileFailed(f"The profile of {upload.id} was cancelled before its first rows were read; start another one.")


def _document(services: Services, profile: StoredProfile, first: int, last: int | None) -> Iterator[bytes]:
    offsets = profile.head["column_offsets"]
    start = min(first, profile.total_columns)
    end = profile.total_columns if last is None else max(start, min(last, profile.total_columns))
    named = {"id": profile.row["id"], "upload_id": profile.row["upload_id"], **{name: profile.head[name] for name in _HEAD_FIELDS}}
    yield json.dumps(named, ensure_ascii=False)[:-1].encode() + b', "columns": ['
    with services.storage.open_read(profile.row["key"]) as stream:
        stream.seek(profile.columns_at + offsets[start])
        for position in range(start, end):
            yield (b"," if position > start else b"") + stream.read(offsets[position + 1] - offsets[position]).rstrip()
    yield f'], "total_columns": {profile.total_columns}}}'.encode()


def _cut(document: dict[str, Any], rows: int, first: int, last: int | None) -> Preview:
    wanted = slice(first, last)
    cells = [row[wanted] for row in document["rows"][:rows]]
    return Preview.model_validate({**document, "columns": document["columns"][wanted], "rows": cells})
