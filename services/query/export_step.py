"""One export: a stored result in another form, made from its CSV without running anything again."""

from __future__ import annotations

from sqlalchemy import select

from services.query.deps import QueryService
from services.query.export import export_parquet
from services.shared.errors import QueryNotFound, ResultExpired
from services.shared.jobs.run import Run
from services.shared.records.tables import queries
from services.shared.results import ResultMeta, csv_key, export_key, index_key, meta_key


def export_step(service: QueryService, run: Run) -> None:
    """Write the form that the job names; the object appears whole, so a repeated attempt only replaces it with the same."""
    form = str(run.job.params["format"])
    prefix = _result_prefix(service, run.job.resource_id)
    storage = service.storage
    with storage.open_read(meta_key(prefix)) as stored:
        meta = ResultMeta.from_json(stored.read())
    with storage.open_read(index_key(prefix)) as stored:
        index = stored.read()

    def report(rows: int) -> None:
        run.report(phase="exporting", records_done=rows, bytes_done=meta.size * rows // max(1, meta.rows), bytes_total=meta.size)

    key = export_key(prefix, form)
    with storage.open_read(csv_key(prefix)) as source, storage.open_write(key) as target:
        export_parquet(source, target, meta, index, report=report)
    size = found.size if (found := storage.find(key)) else 0
    with service.database.write() as tx:
        run.succeed(tx, {"query_id": run.job.resource_id, "format": form, "bytes": size})


def _result_prefix(service: QueryService, query_id: str) -> str:
    with service.database.read() as tx:
        row = tx.execute(select(queries.c.result_prefix, queries.c.freed_at).where(queries.c.id == query_id)).first()
    if row is None:
        raise QueryNotFound(f"There is no query {query_id}.")
    if row.result_prefix is None or row.freed_at is not None:
        raise ResultExpired(f"The result of {query_id} is no longer kept; run the query again.")
    return str(row.result_prefix)
