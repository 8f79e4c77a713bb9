"""Results of queries: pages read by the index, downloads of the stored file, and other forms that an export job makes once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, BinaryIO

from fastapi import Request, Response
from fastapi.responses import FileResponse, RedirectResponse, StreamingResponse
from sqlalchemy import Connection, select

from services.api.answers import Fresh, attachment
from services.api.deps import Services
from services.api.jobs import accept
from services.api.paging import Listing, Paging
from services.api.queries import Query, get_record, load_query
from services.shared.clock import utc_now
from services.shared.errors import (
    FieldError,
    Problem,
    QueryCancelled,
    QueryFailed,
    QueryNotFinished,
    RangeNotSatisfiable,
    ResultExpired,
    StorageObjectMissing,
    ValidationFailed,
    restored,
)
from services.shared.jobs.model import Job, Kind, NewJob, State, job_from
from services.shared.jobs.turns import Lane
from services.shared.logs import get_logger
from services.shared.principal import Principal
from services.shared.records.tables import jobs, queries
from services.shared.results import ResultMeta, csv_key, export_key, index_key, meta_key, read_page
from services.shared.storage.port import LocalFile, Storage

MEDIA_TYPES = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "jsonl": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMATS = ("csv", "parquet", "jsonl", "xlsx")
SAFE_FORMATS = ("csv", "xlsx")
_RANGE = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*")
_CHUNK_BYTES = 1 << 20
log = get_logger()


@dataclass(frozen=True)
class Form:
    """What a result is downloaded as; `csv` alone is the stored result itself."""

    format: str
    safe: str | None = None

    @classmethod
    def of(cls, job: Job) -> Form:
        """Return what an export job makes."""
        return cls(job.params["format"], job.params.get("safe"))


def answer_page(services: Services, principal: Principal, query_id: str, *, paging: Paging, fresh: Fresh) -> Response:
    """Answer with a page of the result, in its order."""
    query = get_record(services, principal, query_id)
    prefix = _prefix(query)
    listing = Listing("results", principal.workspace, (query_id, prefix))
    start = 0 if paging.cursor is None else int(listing.position(paging.cursor))
    try:
        meta = ResultMeta.from_json(_read(services.storage, meta_key(prefix)))
        index = _read(services.storage, index_key(prefix))
        rows = read_page(lambda first, _: _open_at(services.storage, csv_key(prefix), first), meta, index, start_row=start, limit=paging.limit)
    except StorageObjectMissing as error:
        raise _expired(query) from error
    following = start + len(rows)
    page = {
        "columns": [asdict(column) for column in meta.columns],
        "rows": rows,
        "next_cursor": listing.cursor(following) if rows and following < meta.rows else None,
        "total_rows": meta.rows,
    }
    return fresh.answer(json.dumps(page, separators=(",", ":"), allow_nan=False).encode())


def download(services: Services, principal: Principal, query_id: str, *, wanted: Form, request: Request, fresh: Fresh) -> Response:
    """Answer with the result as a file, with the export job that makes it, or with the problem that kept one from it."""
    if wanted.safe is not None and wanted.format not in SAFE_FORMATS:
        raise _nothing_to_make_safe(wanted)
    query = get_record(services, principal, query_id)
    prefix = _prefix(query)
    key = csv_key(prefix) if wanted == Form("csv") else export_key(prefix, wanted.format, wanted.safe)
    if wanted == Form("csv") or services.storage.find(key) is not None:
        return _deliver(services, query, key, wanted, request, fresh)
    with services.database.write() as tx:
        job = _export(tx, services, principal, query_id, wanted, request_id=request.state.request_id)
    services.outbox.send_new_soon()
    return accept(job, services).response()


def _nothing_to_make_safe(wanted: Form) -> ValidationFailed:
    why = f"No spreadsheet evaluates {wanted.format}; safe={wanted.safe} goes with {' and '.join(SAFE_FORMATS)}."
    return ValidationFailed(why, errors=[FieldError("query/safe", why)])


def _prefix(query: Query) -> str:
    job, row = query.job, query.row
    match job.state:
        case State.QUEUED | State.RUNNING:
            raise QueryNotFinished(f"The query {job.id} is {job.state}.", headers={"Retry-After": "1"})
        case State.FAILED:
            why = job.error or {}
            raise QueryFailed(f"The query {job.id} failed: {why.get('detail', 'no reason is known')} ({why.get('code', 'internal_error')})")
        case State.CANCELLED:
            raise QueryCancelled(f"The query {job.id} was cancelled; it has no result.")
    if row["freed_at"] is not None or (row["expires_at"] is not None and row["expires_at"] <= utc_now()):
        raise _expired(query)
    return str(row["result_prefix"])


def _expired(query: Query) -> ResultExpired:
    return ResultExpired(f"The result of {query.job.id} is no longer kept; run the query again.")


def _export(tx: Connection, services: Services, principal: Principal, query_id: str, wanted: Form, *, request_id: str) -> Job:
    """Return the one export of this query in this form that is under way, or start it; raise the problem of one that failed."""
    tx.execute(select(queries.c.id).where(queries.c.id == query_id).with_for_update())
    load_query(tx, principal, query_id)
    exports = select(jobs).where(jobs.c.resource_id == query_id, jobs.c.kind == Kind.EXPORT).order_by(jobs.c.id.desc())
    made = [job for job in map(job_from, tx.execute(exports).mappings()) if Form.of(job) == wanted]
    under_way = next((job for job in made if not job.finished), None)
    if under_way is not None:
        return under_way
    if made and made[0].state is State.FAILED:
        raise _failed(made[0])
    new = NewJob(Kind.EXPORT, "query", query_id, asdict(wanted), request_id=request_id, lane=Lane.BACKGROUND)
    return services.jobs.submit(tx, new, principal=principal)


def _failed(job: Job) -> Problem:
    problem = restored(job.error or {})
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        problem.detail += f" POST /v1/jobs/{job.id}/retry tries the export again."
    return problem


def _deliver(services: Services, query: Query, key: str, form: Form, request: Request, fresh: Fresh) -> Response:
    found = services.storage.find(key)
    if found is None:
        raise _expired(query)
    etag = f'"{blake2b(f"{key} {found.size}".encode(), digest_size=12).hexdigest()}"'
    filename = f"{query.job.id}{'-safe' if form.safe else ''}.{form.format}"
    media_type = MEDIA_TYPES[form.format]
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": attachment(filename),
        "Cache-Control": "private, no-cache",
    }
    if fresh.has(etag):
        return Response(status_code=304, headers=headers)
    log.info("result.downloaded", query_id=query.job.id, form=form.format, safe=form.safe, bytes=found.size, range=request.headers.get("range"))
    delivery = services.storage.delivery(key, filename=filename, media_type=media_type)
    if not isinstance(delivery, LocalFile):
        return RedirectResponse(delivery.url, 307, {"Cache-Control": "no-store"})
    asked = request.headers.get("range")
    if asked is None:
        return FileResponse(delivery.path, headers=headers, media_type=media_type)
    first, stop = _range(asked, found.size, still=request.headers.get("if-range") in (None, etag))
    whole = (first, stop) == (0, found.size)
    headers |= {"Content-Length": str(stop - first)} | ({} if whole else {"Content-Range": f"bytes {first}-{stop - 1}/{found.size}"})
    chunks = _chunks(services.storage.open_read(key), first, stop)
    return StreamingResponse(chunks, 200 if whole else 206, headers=headers, media_type=media_type)


def _range(asked: str, size: int, *, still: bool) -> tuple[int, int]:
    """Return the bytes of one range as first and stop; several ranges, or one of another file, mean the whole file."""
    match = _RANGE.fullmatch(asked)
    if match is None or not still or match[1] == match[2] == "":
        return 0, size
    first = int(match[1]) if match[1] else max(0, size - int(match[2]))
    last = min(int(match[2]), size - 1) if match[1] and match[2] else size - 1
    if match[1] and match[2] and int(match[2]) < first:
        return 0, size
    if first >= size or (not match[1] and int(match[2]) == 0):
        raise RangeNotSatisfiable(f"{asked}: the file has {size} bytes.", headers={"Content-Range": f"bytes */{size}"})
    return first, last + 1


def _chunks(stream: BinaryIO, first: int, stop: int) -> Iterator[bytes]:
    with stream:
        stream.seek(first)
        left = stop - first
        while left > 0 and (chunk := stream.read(min(_CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk


def _read(storage: Storage, key: str) -> bytes:
    with storage.open_read(key) as stream:
        return stream.read()


@contextmanager
def _open_at(storage: Storage, key: str, first: int) -> Iterator[Any]:
    with storage.open_read(key) as stream:
        stream.seek(first)
        yield stream
