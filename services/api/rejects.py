"""Rejects: the records that could not be read or published, a page at a time or as one CSV, at constant memory."""

from __future__ import annotations

import csv
import io
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

from fastapi import Response
from sqlalchemy import Connection, RowMapping, select

from services.api.answers import Responses, file_content, stream_file
from services.api.deps import Services
from services.api.paging import Listing, Paging
from services.api.schemas.uploads import Reject, RejectList
from services.shared.errors import ProfileNotReady, RejectsNotFound
from services.shared.jobs.model import Job, Kind
from services.shared.keys import publish_prefix
from services.shared.principal import Principal
from services.shared.records.tables import dataset_versions, profiles
from services.shared.records.uploads import load_readable

FILE: Responses = {200: file_content("text/csv")}
_LINES = "rejects.jsonl"
_INDEX = "rejects.idx"
_INDEX_EVERY = 1_000
_OFFSET = struct.Struct("<Q")
_RAW_CHARACTERS = 64 * 1024
_FIELDS = tuple(Reject.model_fields)
_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Source:
    """Where rejects lie (None: there are none), in which list they are paged, and what their file is called."""

    prefix: str | None
    listing: Listing
    filename: str


def of_upload(services: Services, principal: Principal, upload_id: str) -> Source:
    """Return the rejects of the upload's newest profile, or raise ProfileNotReady."""
    with services.database.read() as tx:
        upload = load_readable(tx, upload_id, workspace=principal.workspace)
        row = tx.execute(select(profiles.c.rejects_key).where(profiles.c.id == upload.profile_id)).first()
    if row is None:
        raise ProfileNotReady(f"The upload {upload_id} has no finished profile yet.", headers={"Retry-After": "1"})
    listing = Listing("upload_rejects", principal.workspace, (upload_id, upload.profile_id))
    return Source(row.rejects_key, listing, f"{upload.filename}.rejects.csv")


def of_job(services: Services, principal: Principal, job: Job) -> Source:
    """Return what a job left out, or raise RejectsNotFound."""
    listing = Listing("job_rejects", principal.workspace, (job.id, job.attempt))
    with services.database.read() as tx:
        prefix = _kept_by(tx, services, job)
    if prefix is None:
        raise RejectsNotFound(f"The job {job.id} keeps no rejects.")
    return Source(prefix, listing, f"{job.id}.rejects.csv")


def of_version(principal: Principal, name: str, version: RowMapping) -> Source:
    """Return what the publish of a version left out."""
    number = version["version"]
    listing = Listing("version_rejects", principal.workspace, (version["dataset_id"], number))
    return Source(version["rejects_key"], listing, f"{name}-v{number}.rejects.csv")


def list_rejects(services: Services, source: Source, paging: Paging) -> RejectList:
    """Return a page of rejects in the order of the file."""
    first = 0 if paging.cursor is None else int(source.listing.position(paging.cursor))
    if source.prefix is None:
        return RejectList(items=(), next_cursor=None)
    with services.storage.open_read(source.prefix + _LINES) as lines:
        _seek(services, source.prefix, lines, first)
        found = list(islice(lines, paging.limit + 1))
    items = tuple(Reject(**_clipped(json.loads(line))) for line in found[: paging.limit])
    more = len(found) > paging.limit
    return RejectList(items=items, next_cursor=source.listing.cursor(first + paging.limit) if more else None)


def download_rejects(services: Services, source: Source) -> Response:
    """Return all rejects as a CSV file that is written while it is sent."""
    lines = services.storage.open_read(source.prefix + _LINES) if source.prefix is not None else io.BytesIO()
    return stream_file(_csv(lines), filename=source.filename, media_type="text/csv")


def _kept_by(tx: Connection, services: Services, job: Job) -> str | None:
    if job.kind is Kind.PROFILE:
        return tx.execute(select(profiles.c.rejects_key).where(profiles.c.job_id == job.id)).scalar()
    if job.kind is not Kind.PUBLISH:
        return None
    published = tx.execute(select(dataset_versions.c.rejects_key).where(dataset_versions.c.job_id == job.id)).first()
    if published is not None:
        return published.rejects_key  # type: ignore[no-any-return]
    prefix = publish_prefix(job.workspace, job.id, job.attempt)
    return prefix if services.storage.find(prefix + _LINES) else None


def _seek(services: Services, prefix: str, lines: BinaryIO, first: int) -> None:
    if first == 0:
        return
    with services.storage.open_read(prefix + _INDEX) as index:
        index.seek(first // _INDEX_EVERY * _OFFSET.size)
        entry = index.read(_OFFSET.size)
    if len(entry) < _OFFSET.size:
        lines.seek(0, io.SEEK_END)
        return
    lines.seek(_OFFSET.unpack(entry)[0])
    for _ in islice(lines, first % _INDEX_EVERY):
        pass


def _clipped(record: dict[str, Any]) -> dict[str, Any]:
    return {**{name: record[name] for name in _FIELDS}, "raw": record["raw"][:_RAW_CHARACTERS]}


def _csv(lines: BinaryIO) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_FIELDS)
    with lines:
        for line in lines:
            record = json.loads(line)
            writer.writerow([record[name] for name in _FIELDS])
            if text.tell() >= _CHUNK_BYTES:
                yield text.getvalue().encode()
                text.seek(0)
                text.truncate()
    yield text.getvalue().encode()
