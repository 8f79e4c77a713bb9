"""One task of a publish job: convert, assemble, crawl, read back, flip; each stage begins where a checkpoint says the last one ended.

Whatever line an attempt dies at, the next one repeats the stage and comes to the same end: files are written below a prefix of the
attempt's own, the crawl and the queries have names that were recorded before they were started, and the flip is repeatable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from time import monotonic
from typing import Any

from services.shared.catalog.embedded import STAGING
from services.shared.catalog.serde import stored_as
from services.shared.clock import rfc3339, utc_now
from services.shared.errors import ContractInvalid, EngineFailed, Problem, ReceiptUnbalanced, TooManyPartitions
from services.shared.ids import new_id
from services.shared.jobs.model import Wait
from services.shared.jobs.run import Next, Run
from services.shared.keys import attempt_prefix, publish_prefix, work_prefix
from services.shared.publish_contract import Mode, PublishContract
from services.worker import crawl, receipt
from services.worker.csv.blocks import Counts
from services.worker.csv.decode import DecodeLimits
from services.worker.csv.reading import Limits
from services.worker.deps import Worker
from services.worker.publish import verify
from services.worker.publish.convert import convert
from services.worker.publish.converted import Converted
from services.worker.publish.csv_file import CsvFormat
from services.worker.publish.distribute import SPILL_BYTES, distribute
from services.worker.publish.flip import NewVersion, point_catalog, put_version, record_version, user_table
from services.worker.publish.layout import Layout, lay_out
from services.worker.publish.parquet_file import PARQUET
from services.worker.publish.partition import too_many
from services.worker.publish.restore import restore
from services.worker.publish.source import Source, open_source
from services.worker.publish.staging import Attempt, Staged, assemble
from services.worker.publish.statistics import Statistics
from services.worker.publish.table_file import TableFormat
from services.worker.publish.targets import Plan, TableColumn, plan_targets
from services.worker.publish.versions import current_version
from services.worker.publish.work import Policy, Sizes, Work
from services.worker.rejects import join_rejects

_QUERY_TRIES = 2


def publish_step(worker: Worker, run: Run) -> Next | None:
    """Go on with a publish job; None when it has ended."""
    contract = PublishContract.from_json(run.job.params)
    if contract.mode is Mode.RESTORE:
        restore(worker, run, contract)
        return None
    publish = _Publish(worker, run, contract)
    try:
        return publish.go_on()
    except Problem:
        publish.keep_rejects()
        raise


class _Publish:
    def __init__(self, worker: Worker, run: Run, contract: PublishContract) -> None:
        self._worker = worker
        self._run = run
        self._contract = contract
        self._checkpoint: dict[str, Any] = dict(run.job.checkpoint or {})
        with worker.database.read() as tx:
            self._before = current_version(tx, run.job, contract)
        self._appended_to = self._before if contract.mode is Mode.APPEND else None

    def go_on(self) -> Next | None:
        """Take stage after stage, until the job ends or has to wait."""
        for stage in (self._convert, self._distribute, self._assemble, self._crawl, self._repair, self._read_back, self._write_receipt):
            outcome = stage()
            if outcome is not None:
                return outcome
        self._flip()
        return None

    def keep_rejects(self) -> None:
        """Let the rejects of a publish that fails be found under its last attempt."""
        job = self._run.job
        if "converted" in self._checkpoint and not self._worker.jobs.watch(job):
            join_rejects(self._worker.storage, self._converted.rejects, publish_prefix(job.workspace, job.id, job.attempt))

    @property
    def _converted(self) -> Converted:
        return Converted.from_json(self._checkpoint["converted"])

    @property
    def _staged(self) -> Staged:
        return Staged.from_json(self._checkpoint["staged"])

    def _save(self, **values: Any) -> None:
        self._checkpoint |= values
        self._run.save(self._checkpoint)

    def _convert(self) -> Next | None:
        """Read the file on; a partitioned table's rows are distributed whenever so much is spilled."""
        if self._checkpoint.get("converted", {}).get("done") or self._spill_is_full:
            return None
        with self._open_work() as work:
            start = self._converted if "converted" in self._checkpoint else Converted.nothing(len(work.plan.columns))
            self._run.report(bytes_total=work.source.size, phase="converting")
            over = self._slice() if work.source.plain else lambda: False
            converted = convert(work, start=start, report=self._report, save=self._save_converted, enough=lambda: over() or self._spill_is_full)
        return None if converted.done or self._spill_is_full else Next("converting")

    def _distribute(self) -> Next | None:
        if self._converted.spilled:
            self._run.report(phase="partitioning")
            with self._open_work() as work:
                distribute(work, start=self._converted, check=self._run.check, save=self._save_converted, enough=self._slice())
        if self._converted.spilled:
            return Next("partitioning")
        return None if self._converted.done else Next("converting")

    @property
    def _spill_is_full(self) -> bool:
        spilled = self._checkpoint.get("converted", {}).get("spilled", ())
        size: int = sum(file["bytes"] for file in spilled)
        return size >= SPILL_BYTES

    @contextmanager
    def _open_work(self) -> Iterator[Work]:
        """Open the raw file, with what is to be made of it."""
        job, worker = self._run.job, self._worker
        upload_id, profile_id = self._contract.upload_id, self._contract.profile_id
        if upload_id is None or profile_id is None:
            raise ContractInvalid("A publish needs an upload and its profile.")
        with worker.database.read() as tx:
            source = open_source(tx, storage=worker.storage, parts=worker.parts, upload_id=upload_id, profile_id=profile_id)
        with source.stream:
            policy = Policy(self._contract.on_reject, self._contract.max_reject_ratio)
            prefix = attempt_prefix(job.workspace, job.id, job.attempt)
            yield Work(source, self._plan(source), worker.storage, prefix, _sizes(worker), policy, self._format)

    @property
    def _format(self) -> TableFormat:
        return PARQUET if self._contract.serde is None else CsvFormat(self._contract.serde)

    def _plan(self, source: Source) -> Plan:
        current = self._appended_to.columns if self._appended_to else ()
        plan = plan_targets(self._contract, source.known, current, max_partitions=self._worker.settings.max_partitions)
        self._checkpoint |= {
            "columns": [column.to_json() for column in plan.columns],
            "normalised": [*(target.normalised for target in plan.targets), *[0] * (len(plan.columns) - len(plan.targets))],
            "counts": asdict(source.known.counts),
            "filename": source.upload.filename,
            "sha256": source.known.sha256,
        }
        return plan

    def _slice(self) -> Callable[[], bool]:
        """Say when to hand over; a file that is decoded first is not left in the middle, since getting there again begins at its start."""
        ends_at = monotonic() + self._worker.settings.publish_slice_s
        return lambda: monotonic() >= ends_at

    def _report(self, bytes_done: int, records_done: int) -> None:
        self._run.report(bytes_done=bytes_done, records_done=records_done)

    def _save_converted(self, converted: Converted) -> None:
        self._save(converted=converted.to_json())

    def _assemble(self) -> None:
        if "staged" in self._checkpoint:
            return
        self._run.report(phase="assembling")
        job = self._run.job
        attempt = Attempt(job.workspace, job.id, job.attempt)
        staged = assemble(self._worker.storage, attempt, self._contract, self._converted, before=self._appended_to, check=self._run.check)
        most = self._worker.settings.max_partitions
        if staged.partitions > most:
            raise TooManyPartitions(too_many(staged.partitions, most))
        self._save(staged=staged.to_json())

    def _crawl(self) -> Next | None:
        if "differences" in self._checkpoint:
            return None
        self._run.report(phase="crawling")
        found = crawl.follow_crawl(self._worker.catalog, self._crawl_target, crawl.csv_classifier(self._contract.serde, self._layout.columns))
        if found is None:
            looks = self._checkpoint.get("looks", 0)
            self._save(looks=looks + 1)
            return Next("crawling", delay_s=crawl.LATER_LOOK_S if looks else crawl.FIRST_LOOK_S)
        differences = crawl.examine(self._crawl_target, self._layout, found)
        self._save(differences=[difference.to_json() for difference in differences], crawled_at=rfc3339(found.finished_at or utc_now()))
        return None

    def _repair(self) -> None:
        if "receipt" not in self._checkpoint:
            stored = stored_as(self._contract.format, self._contract.serde)
            crawl.repair(self._worker.catalog, self._crawl_target, self._layout, stored)

    @property
    def _crawl_target(self) -> crawl.CrawlTarget:
        staged = self._staged
        return crawl.crawl_target(self._contract.dataset_id, staged.folder, location=staged.prefix, table=self._contract.name)

    @property
    def _columns(self) -> list[TableColumn]:
        return [TableColumn(**column) for column in self._checkpoint["columns"]]

    @property
    def _layout(self) -> Layout:
        return lay_out(self._columns, self._contract.partition_by)

    def _read_back(self) -> Next | None:
        """Hand the queries over and wait for them; one that failed is asked once more under another id."""
        if "receipt" in self._checkpoint:
            return None
        self._run.report(phase="verifying")
        statements = receipt.receipt_queries(STAGING, self._crawl_target.staged_name, self._checked(), rows=self._expected_rows)
        if "queries" not in self._checkpoint:
            self._save(queries=[new_id("qry") for _ in statements])
        ids = self._checkpoint["queries"]
        verify.submit_queries(self._worker, self._run.job, list(zip(ids, statements, strict=True)))
        waiting = verify.unfinished(self._worker, ids)
        if waiting is not None:
            return Next("verifying", wait=Wait(on=waiting))
        problem = verify.failed(self._worker, ids)
        if problem is None:
            return None
        tries = self._checkpoint.get("query_tries", 0) + 1
        if tries >= _QUERY_TRIES:
            raise EngineFailed(f"The engine could not read the new version back: {problem['detail']}")
        del self._checkpoint["queries"]
        self._save(query_tries=tries)
        return Next("verifying")

    @property
    def _expected_rows(self) -> int:
        return self._converted.rows + (self._appended_to.rows if self._appended_to else 0)

    def _checked(self) -> list[receipt.Checked]:
        before = self._appended_to.statistics if self._appended_to else (Statistics(),) * len(self._columns)
        found = self._worker.catalog.find_table(STAGING, self._crawl_target.staged_name)
        types = {column.name: column.type for column in (*found.columns, *found.partition_keys)} if found else {}
        expected = [old + new for old, new in zip(before, self._converted.statistics, strict=True)]
        return [
            receipt.Checked(column.name, column.type, types.get(column.name, ""), normalised, statistics)
            for column, normalised, statistics in zip(self._columns, self._checkpoint["normalised"], expected, strict=True)
        ]

    def _write_receipt(self) -> None:
        if "receipt" not in self._checkpoint:
            answered = verify.read_answers(self._worker, self._checkpoint["queries"])
            checked = self._checked()
            rows, statistics = receipt.read_figures(answered.rows, checked, rows=self._expected_rows)
            account = receipt.Account(
                version=self._contract.version,
                counts=self._converted.counts,
                rows_before=self._appended_to.rows if self._appended_to else 0,
                differences=self._checkpoint["differences"],
                bytes_scanned=answered.bytes_scanned,
            )
            self._save(receipt=receipt.write_receipt(account, checked, rows, statistics))
        written = self._checkpoint["receipt"]
        known = Counts(**self._checkpoint["counts"])
        if not written["balanced"]:
            raise ReceiptUnbalanced(receipt.first_difference(written))
        if written["records_in"] != sum(getattr(known, field.name) for field in fields(Counts)):
            raise ReceiptUnbalanced(f"{written['records_in']} records were read, where the profile found another number.")

    def _flip(self) -> None:
        crawl.drop_staged(self._worker.catalog, self._crawl_target)
        self._run.report(phase="flipping")
        new = self._new_version()
        put_version(self._worker, self._run.job, self._contract, new)
        point_catalog(self._worker, self._run.job, user_table(self._contract, new))
        record_version(self._worker, self._run, self._contract, new, result=self._result())
        self._worker.storage.delete_prefix(work_prefix(self._run.job.workspace, self._run.job.id))

    def _result(self) -> dict[str, Any]:
        contract, written = self._contract, self._checkpoint["receipt"]
        return {
            "dataset_id": contract.dataset_id,
            "name": contract.name,
            "version": contract.version,
            "published_rows": written["published_rows"],
            "rejected_records": written["rejected_records"],
        }

    def _new_version(self) -> NewVersion:
        staged, converted, before, contract = self._staged, self._converted, self._appended_to, self._contract
        columns = self._columns
        old = before.column_bytes if before else {}
        statistics = [checked.expected.to_json() for checked in self._checked()]
        values = {
            "files": staged.files,
            "rows": self._expected_rows,
            "bytes": staged.bytes,
            "column_bytes": {column.name: old.get(column.name, 0) + size for column, size in zip(columns, converted.column_bytes, strict=True)},
            "statistics": statistics,
            "upload_id": contract.upload_id,
            "profile_id": contract.profile_id,
            "source": {name: self._checkpoint[name] for name in ("filename", "sha256")}
            | {"upload_id": contract.upload_id, "profile_id": contract.profile_id},
            "partition_by": list(contract.partition_by),
            "receipt": self._checkpoint["receipt"],
            "rejects_key": staged.rejects_prefix,
            "crawl": {"name": self._crawl_target.name, "state": "ready", "last_crawl": self._checkpoint["crawled_at"]},
        }
        return NewVersion(staged.prefix, columns, values)


def _sizes(worker: Worker) -> Sizes:
    settings = worker.settings
    limits = Limits(max_record_bytes=settings.max_record_bytes, decode=DecodeLimits(max_decoded_bytes=settings.max_unpacked_bytes))
    return Sizes(settings.parquet_file_bytes, settings.row_group_rows, settings.row_group_bytes, reading=limits)
