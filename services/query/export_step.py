"""One export: a stored result in another form, made from its CSV without running anything again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from sqlalchemy import Connection, select

from services.query.deps import QueryService
from services.query.exports.jsonl import write_jsonl
from services.query.exports.parquet import write_parquet
from services.query.exports.safe_csv import write_safe_csv
from services.query.exports.texts import Report, StoredResult
from services.query.exports.xlsx import Look, write_xlsx
from services.shared.clock import utc_now
from services.shared.errors import QueryNotFound, ResultExpired, StorageObjectMissing
from services.shared.jobs.run import Run
from services.shared.records.tables import jobs, queries
from services.shared.results import ResultMeta, csv_key, export_key, index_key, meta_key


def export_step(service: QueryService, run: Run) -> None:
    """Write the form that the job names; the object appears whole, so a repeated attempt only replaces it with the same."""
    form, query_id = str(run.job.params["format"]), run.job.resource_id
    with service.database.read() as tx:
        kept = _kept(tx, query_id)
    key = export_key(kept.prefix, form, run.job.params.get("safe"))
    try:
        _export(service, run, kept, form, key)
        run.check(at_once=True)
        size = found.size if (found := service.storage.find(key)) else 0
        with service.database.write() as tx:
            _kept(tx, query_id)
            run.succeed(tx, {"query_id": query_id, "format": form, "bytes": size})
    except StorageObjectMissing as error:
        raise _expired(query_id) from error
    except ResultExpired:
        service.storage.delete_prefix(kept.prefix)
        raise


@dataclass(frozen=True)
class _Kept:
    prefix: str
    made_at: datetime


def _kept(tx: Connection, query_id: str) -> _Kept:
    """Return where the result lies and when it was made; raise ResultExpired once it may be freed."""
    found = (
        select(queries.c.result_prefix, queries.c.freed_at, queries.c.expires_at, jobs.c.finished_at)
        .join(jobs, jobs.c.id == queries.c.id)
        .where(queries.c.id == query_id)
    )
    row = tx.execute(found).first()
    if row is None:
        raise QueryNotFound(f"There is no query {query_id}.")
    if row.result_prefix is None or row.freed_at is not None or row.expires_at <= utc_now():
        raise _expired(query_id)
    return _Kept(row.result_prefix, row.finished_at)


def _expired(query_id: str) -> ResultExpired:
    return ResultExpired(f"The result of {query_id} is no longer kept; run the query again.")


def _export(service: QueryService, run: Run, kept: _Kept, form: str, key: str) -> None:
    storage = service.storage
    with storage.open_read(meta_key(kept.prefix)) as stored:
        meta = ResultMeta.from_json(stored.read())
    with storage.open_read(index_key(kept.prefix)) as stored:
        index = stored.read()

    def report(rows: int) -> None:
        run.report(phase="exporting", records_done=rows, bytes_done=meta.size * rows // max(1, meta.rows), bytes_total=meta.size)

    report(0)
    look = Look(run.job.params.get("safe") is not None, kept.made_at)
    with storage.open_read(csv_key(kept.prefix)) as source, storage.open_write(key) as target:
        _write(StoredResult(source, meta, index), target, form, look, report)


def _write(result: StoredResult, target: BinaryIO, form: str, look: Look, report: Report) -> None:
    match form:
        case "parquet":
            write_parquet(result, target, report=report)
        case "jsonl":
            write_jsonl(result, target, report=report)
        case "xlsx":
            write_xlsx(result, target, look, report=report)
        case "csv":
            write_safe_csv(result, target, report=report)
        case _:
            raise ValueError(f"no form of a result: {form}")
