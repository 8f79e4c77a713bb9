"""Convert: the raw upload to typed table files in one pass at constant memory, from checkpoint to checkpoint.

The calling thread casts blocks while the reading room's threads parse the next ones and another thread writes the row group before.
A checkpoint describes the rows of finished files alone, so a later attempt goes on behind the last of them. The rows of a partitioned
table go to spill files, which `distribute` makes its files of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from services.shared.errors import CsvCannotCarry, RecordRejected, TooManyRejects
from services.shared.jobs.run import StopRequested
from services.shared.publish_contract import OnReject
from services.worker.csv.blocks import Block, Reject
from services.worker.csv.reader import read_blocks
from services.worker.csv.state import ReadState
from services.worker.publish.casts import Bad, Caster
from services.worker.publish.converted import Converted, DataFile
from services.worker.publish.source import Source
from services.worker.publish.spill_file import SpillFile
from services.worker.publish.statistics import measure
from services.worker.publish.table_file import TableFile
from services.worker.publish.unfit import Unfit, list_unfit, shortened, unfit_rows
from services.worker.publish.work import Work
from services.worker.rejects import RejectPieces

Report = Callable[[int, int], None]
Save = Callable[[Converted], None]


def convert(work: Work, *, start: Converted, report: Report, save: Save, enough: Callable[[], bool] = lambda: False) -> Converted:
    """Convert from `start` on; return the whole, or what is done when `enough` says so.

    `report` takes bytes and records done and may raise; `save` records a checkpoint. Raise RecordRejected or TooManyRejects by the
    policy, and CsvCannotCarry for a value that the format would not give back, after the rejects so far were saved. StopRequested and
    SystemExit pass on, after a checkpoint if there is a whole state.
    """
    conversion = _Conversion(work, start, save)
    with conversion.running():
        for block, state in read_blocks(
            work.source.stream,
            work.source.known.dialect,
            columns=conversion.columns,
            resume=start.reading,
            available=work.source.size,
            final=True,
            limits=work.sizes.reading,
        ):
            conversion.take(block, state)
            report(_bytes_done(work.source, state), state.counts.records)
            if enough():
                return conversion.checkpoint()
        return conversion.finish()


class _Conversion:
    def __init__(self, work: Work, start: Converted, save: Save) -> None:
        self._work = work
        self._save = save
        self._done = start
        self._state = start.reading
        self._targets = work.plan.targets
        self._casters = [Caster(target.reading) for target in self._targets]
        self._schema = work.plan.schema
        self._partitions = work.plan.partitions
        self._file_bytes = work.sizes.file_bytes if self._partitions is None else work.sizes.spill_file_bytes
        self._rejects = RejectPieces(work.storage, work.prefix, start.rejects)
        self._unfit = start.unfit
        self._statistics = list(start.statistics)
        self._file: TableFile | None = None
        self._file_bytes_before = 0
        self._group: list[Any] = []
        self._group_rows = self._group_bytes = 0
        self._writing: Future[None] | None = None
        self._whole = True

    @property
    def columns(self) -> list[str] | None:
        """The file's columns to read; all of them where a record may have to be shown whole."""
        if self._work.plan.homeless or not all(target.reading.proved or target.column.type == "string" for target in self._targets):
            return None
        return list(dict.fromkeys(target.source for target in self._targets if target.source is not None))

    @contextmanager
    def running(self) -> Iterator[None]:
        with ThreadPoolExecutor(1, thread_name_prefix="table-file") as self._pool:
            try:
                yield
            except (StopRequested, SystemExit):
                if self._whole:
                    self.checkpoint()
                self._abandon()
                raise
            except BaseException:
                self._abandon()
                raise

    def take(self, block: Block, state: ReadState) -> None:
        """Cast a block and add its rows to the row group."""
        casts = [self._cast(block, position) for position in range(len(self._targets))]
        unfit = unfit_rows(self._misfits(block, casts))
        columns = [values for values, _ in casts]
        if self._partitions is not None:
            columns = self._partitions.with_derived(columns, [target.column.name for target in self._targets])
        table = pa.Table.from_arrays(columns, schema=self._schema)
        if unfit is not None:
            table = table.filter(pa.array(~unfit.rows))
        self._check_carried(block, table, unfit)
        measured = [measure(_one(column)) for column in table.columns]
        refused = self._refused(block, unfit)
        statistics = [before + new for before, new in zip(self._statistics, measured, strict=True)]
        with self._changing():
            self._state, self._statistics = state, statistics
            self._unfit += 0 if unfit is None else int(unfit.rows.sum())
            if refused:
                self._rejects.add(refused)
            if table.num_rows:
                self._group.append(table)
                self._group_rows += table.num_rows
                self._group_bytes += table.nbytes
        if refused:
            self._apply_policy(refused[0])
        if self._group_rows >= self._work.sizes.row_group_rows or self._group_bytes >= self._work.sizes.row_group_bytes:
            self._flush()

    def checkpoint(self, *, done: bool = False) -> Converted:
        """Finish the file at hand and record how far the conversion is."""
        self._write_group()
        self._wait()
        files, spilled, column_bytes = list(self._done.files), list(self._done.spilled), list(self._done.column_bytes)
        self._whole = False
        if self._file is not None:
            written = self._file.finish()
            self._file = None
            finished = DataFile(written.key, written.rows, written.bytes)
            if self._partitions is None:
                files.append(finished)
                column_bytes = [before + new for before, new in zip(column_bytes, written.column_bytes, strict=True)]
            else:
                spilled.append(finished)
        self._done = replace(
            self._done,
            reading=self._state,
            files=tuple(files),
            statistics=tuple(self._statistics),
            column_bytes=tuple(column_bytes),
            rejects=tuple(self._rejects.cut()),
            unfit=self._unfit,
            done=done,
            spilled=tuple(spilled),
        )
        self._save(self._done)
        self._whole = True
        return self._done

    def finish(self) -> Converted:
        """Finish the last file; a table without rows gets one empty file, so that it has columns, unless it is partitioned."""
        self._check_ratio(self._state.counts.records + self._state.counts.rejected_records)
        if self._partitions is None and self._file is None and not self._group and not self._done.files:
            self._begin_file().write(self._schema.empty_table())
        return self.checkpoint(done=True)

    def _cast(self, block: Block, position: int) -> tuple[Any, Bad | None]:
        target, caster = self._targets[position], self._casters[position]
        if target.source is None:
            return pa.nulls(block.table.num_rows, caster.type), None
        cast = caster.cast(_one(block.table.column(target.source)))
        return cast.values, cast.bad

    def _misfits(self, block: Block, casts: list[tuple[Any, Bad | None]]) -> dict[str, tuple[Bad, str]]:
        misfits: dict[str, tuple[Bad, str]] = {}
        for target, (_, bad) in zip(self._targets, casts, strict=True):
            if bad is not None and target.source is not None:
                form = f" ({target.reading.format})" if target.reading.format else ""
                misfits[target.source] = (bad, f"is not a {target.column.type}{form}")
        for name in self._work.plan.homeless:
            filled = _one(block.table.column(name)).is_valid().to_numpy(zero_copy_only=False)
            if filled.any():
                misfits[name] = (filled, "has no column in the dataset")
        return misfits

    def _refused(self, block: Block, unfit: Unfit | None) -> list[Reject]:
        if unfit is None:
            return block.rejects
        misfits = list_unfit(block, unfit, self._work.source.known.dialect)
        return sorted([*block.rejects, *misfits], key=lambda reject: reject.byte_offset)

    def _check_carried(self, block: Block, table: Any, unfit: Unfit | None) -> None:
        found = self._work.format.find_uncarried(table)
        if found is None:
            return
        self._save_rejects()
        line = block.line_of(found.row if unfit is None else int(np.flatnonzero(~unfit.rows)[found.row]))
        value = table.column(found.column)[found.row].as_py()
        shown = "a cell" if value is None else repr(shortened(value))
        name = table.column_names[found.column]
        raise CsvCannotCarry(f"Line {line}, column {name}: {shown} {found.reason}. Publish the file as Parquet.", line=line)

    def _apply_policy(self, first: Reject) -> None:
        if self._work.policy.on_reject is OnReject.FAIL:
            self._save_rejects()
            raise RecordRejected(f"Line {first.line}: {first.detail}", line=first.line)
        self._check_ratio(self._work.source.known.records)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Mark the few lines between two whole states: a signal may raise SystemExit anywhere."""
        self._whole = False
        yield
        self._whole = True

    def _check_ratio(self, records: int) -> None:
        rejected = self._unfit + self._state.counts.rejected_records
        highest = self._work.policy.max_reject_ratio
        if rejected > highest * max(records, rejected):
            self._save_rejects()
            raise TooManyRejects(
                f"{rejected} of {records} records were rejected; the policy accepts {highest:.2%}. This job's rejects say where and why; "
                "publish again with a higher max_reject_ratio to leave them out."
            )

    def _save_rejects(self) -> None:
        """Record the rejects of a conversion that fails: they are all that it leaves."""
        self._save(replace(self._done, rejects=tuple(self._rejects.cut())))

    def _flush(self) -> None:
        """Hand the row group to the writer; end the file with it if it is then, by the last group's size, as large as wanted."""
        self._wait()
        before = self._file.size if self._file is not None else 0
        grown = before - self._file_bytes_before
        self._file_bytes_before = before
        self._write_group()
        if before + grown >= self._file_bytes:
            self.checkpoint()
            self._file_bytes_before = 0

    def _write_group(self) -> None:
        if not self._group:
            return
        self._wait()
        with self._changing():
            table = pa.concat_tables(self._group)
            self._group, self._group_rows, self._group_bytes = [], 0, 0
            self._writing = self._pool.submit((self._file or self._begin_file()).write, table)

    def _begin_file(self) -> TableFile:
        work = self._work
        if self._partitions is not None:
            self._file = SpillFile(work.storage, f"{work.prefix}spill-{len(self._done.spilled):05d}/rows.arrow", self._partitions)
        else:
            key = f"{work.prefix}part-{len(self._done.files):05d}{work.format.suffix}"
            self._file = work.format.begin(work.storage, key, self._targets)
        return self._file

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def _abandon(self) -> None:
        if self._writing is not None:
            wait([self._writing])
        if self._file is not None:
            self._file.abandon()
        self._rejects.abandon()


def _one(column: Any) -> Any:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _bytes_done(source: Source, state: ReadState) -> int:
    """Return how many raw bytes are done; where they are decoded first, by the share of the records."""
    if source.plain:
        return state.offset
    counts = state.counts
    return source.size * min(source.known.records, counts.records + counts.rejected_records) // max(1, source.known.records)
