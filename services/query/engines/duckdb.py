"""The embedded engine: DuckDB over the tables' Parquet files, locked to them.

Each query has an in-memory database of its own: its own memory limit, spill folder, interrupt and profile, views on the tables
it names and on nothing else, and a configuration that is locked before the user's SQL runs. Opening one costs milliseconds; sharing one
would share all of these.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from services.query.engines.meter import METER_READS, ReadMeter
from services.query.engines.port import ExecutionState, Order, Result, Statistics, Status
from services.query.engines.problems import problem_of
from services.query.engines.scanned import bytes_scanned
from services.query.engines.shares import Shares
from services.query.engines.views import Locate, create_views
from services.shared.errors import Problem, QueryCancelled, QueryTimedOut, ScanLimitExceeded
from services.shared.ids import new_id
from services.shared.results import ResultColumn
from services.shared.sql.guard import Statement, parse_statement
from services.shared.sql.names import text
from services.shared.sql.parameters import with_parameters
from services.shared.sql.show import Schemas, answer_show
from services.shared.sql.translate import Translation, translate

_INTERRUPT_EVERY_S = 0.05


@dataclass(frozen=True)
class Limits:
    """What all queries share, and how many may run at once."""

    slots: int = 4
    memory_bytes: int = 400 << 20
    threads: int = 2
    spill_bytes: int = 64 << 30
    batch_rows: int = 10_000


@dataclass
class _Execution:
    order: Order
    statement: Statement
    started: float
    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    timed_out: bool = False
    read_bytes: int | None = None
    status: Status = field(default_factory=lambda: Status(ExecutionState.RUNNING))


class DuckDbEngine:
    """Runs queries in the calling thread."""

    name = "duckdb"
    runs_here = True

    def __init__(self, schemas: Schemas, locate: Locate, spill: Path, limits: Limits | None = None) -> None:
        self._schemas, self._locate, self._spill = schemas, locate, spill
        self._limits = limits or Limits()
        self._executions: dict[str, _Execution] = {}
        self._shares = Shares(self._limits.memory_bytes, self._limits.slots)

    def start(self, order: Order) -> str:
        """Check the statement; the work begins when the result is opened."""
        statement = with_parameters(parse_statement(order.sql, max_bytes=order.max_sql_bytes), order.parameters)
        execution_id = new_id("exe")
        self._executions[execution_id] = _Execution(order, statement, time.monotonic())
        return execution_id

    def poll(self, execution_ids: Sequence[str]) -> Mapping[str, Status]:
        """Return how executions of this process stand."""
        return {i: self._executions[i].status for i in execution_ids if i in self._executions}

    def stop(self, execution_id: str) -> None:
        """Interrupt an execution within a twentieth of a second of DuckDB's next look."""
        execution = self._executions.get(execution_id)
        if execution is not None:
            execution.cancelled.set()

    def statistics(self, execution_id: str) -> Statistics:
        """Return the figures so far."""
        return self._executions[execution_id].status.statistics

    def forget(self, execution_id: str) -> None:
        """Drop an execution that has ended."""
        self._executions.pop(execution_id, None)

    @contextmanager
    def open_result(self, execution_id: str) -> Iterator[Result]:
        """Run the query while its batches are taken."""
        execution = self._executions[execution_id]
        try:
            if execution.statement.show is not None:
                yield self._answer(execution)
            else:
                with self._open(execution) as result:
                    yield result
        except Problem as problem:
            state = ExecutionState.CANCELLED if isinstance(problem, QueryCancelled) else ExecutionState.FAILED
            execution.status = replace(execution.status, state=state, problem=problem)
            raise
        finally:
            execution.ended.set()

    @contextmanager
    def _open(self, execution: _Execution) -> Iterator[Result]:
        translation = translate(execution.statement, self._schemas, database=execution.order.database)
        self._spill.mkdir(parents=True, exist_ok=True)
        spill = tempfile.mkdtemp(prefix="query-", dir=self._spill)
        memory_bytes = self._shares.take()
        connection: Any = duckdb.connect(":memory:", config=self._configuration(memory_bytes))
        watch = threading.Thread(target=_watch, args=(execution, connection, spill), name="query-watch", daemon=True)
        try:
            with _translated(execution):
                files = self._prepare(connection, translation, spill, metered=execution.order.max_bytes_scanned is not None)
                watch.start()
                relation = connection.sql(translation.sql)
            planned = time.monotonic()
            batches = self._batches(execution, connection, relation, planned, files)
            yield Result(tuple(ResultColumn(c.name, c.type) for c in translation.columns), batches)
        finally:
            execution.ended.set()
            if watch.ident is not None:
                watch.join()
            connection.close()
            self._shares.give_back(memory_bytes)
            shutil.rmtree(spill, ignore_errors=True)

    def _configuration(self, memory_bytes: int) -> dict[str, Any]:
        return {
            "memory_limit": f"{memory_bytes}B",
            "threads": self._limits.threads,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
        }

    def _prepare(self, connection: Any, translation: Translation, spill: str, *, metered: bool = False) -> dict[str, list[str]]:
        if metered:
            connection.execute(METER_READS)
        folders = ", ".join(text(self._locate(t.location).rstrip("/") + "/") for t in translation.tables)
        connection.execute(
            f"SET TimeZone='UTC'; SET temp_directory={text(spill)}; "
            f"SET max_temp_directory_size='{self._limits.spill_bytes // self._limits.slots}B'; SET allowed_directories=[{folders}]; "
            "SET enable_external_file_cache=false; "
            "SET python_enable_replacements=false; PRAGMA enable_profiling='no_output'; SET profiling_mode='detailed'"
        )
        files = create_views(connection, translation.tables, self._locate, query=translation.sql)
        connection.execute("SET enable_external_access=false; SET lock_configuration=true")
        return files

    def _batches(self, execution: _Execution, connection: Any, relation: Any, planned: float, files: Mapping[str, Sequence[str]]) -> Iterator[Any]:
        rows = 0
        planning_ms = round((planned - execution.started) * 1000)
        with _translated(execution):
            for batch in relation.to_arrow_reader(self._limits.batch_rows):
                if _must_stop(execution):
                    raise duckdb.InterruptException("stopped")
                rows += batch.num_rows
                execution.status = Status(ExecutionState.RUNNING, Statistics(planning_ms, _since(planned), None, rows))
                yield batch
            execution_ms = _since(planned)
            scanned = bytes_scanned(connection.get_profiling_information(format="json"), files)
            if _exceeds(execution, scanned):
                raise duckdb.InterruptException("stopped")
        execution.status = Status(ExecutionState.SUCCEEDED, Statistics(planning_ms, execution_ms, scanned, rows))

    def _answer(self, execution: _Execution) -> Result:
        show = execution.statement.show
        if show is None:
            raise ValueError("no SHOW")
        answer = answer_show(show, self._schemas, database=execution.order.database)
        columns = tuple(ResultColumn(name, "string") for name in answer.columns)
        arrays = [pa.array([row[i] for row in answer.rows], pa.string()) for i in range(len(columns))]
        statistics = Statistics(_since(execution.started), 0, 0, len(answer.rows))
        execution.status = Status(ExecutionState.SUCCEEDED, statistics)
        return Result(columns, iter([pa.RecordBatch.from_arrays(arrays, list(answer.columns))]))


def _since(moment: float) -> int:
    return round((time.monotonic() - moment) * 1000)


@contextmanager
def _translated(execution: _Execution) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        if isinstance(error, duckdb.InterruptException) or _must_stop(execution):
            raise _stopped(execution) from error
        raise problem_of(error) from error
    except (pa.ArrowException, RuntimeError, OSError) as error:
        if _must_stop(execution):
            raise _stopped(execution) from error
        raise problem_of(error) from error


def _must_stop(execution: _Execution) -> bool:
    return execution.cancelled.is_set() or execution.timed_out or execution.read_bytes is not None


def _exceeds(execution: _Execution, read: int) -> bool:
    """Remember what was read if that is more than the query may."""
    most = execution.order.max_bytes_scanned
    if most is not None and read > most:
        execution.read_bytes = read
    return execution.read_bytes is not None


def _stopped(execution: _Execution) -> Problem:
    if execution.read_bytes is not None and not execution.cancelled.is_set():
        most = execution.order.max_bytes_scanned
        return ScanLimitExceeded(f"The query had read {execution.read_bytes:,} bytes when it was stopped; max_bytes_scanned allows {most:,}.")
    if execution.timed_out and not execution.cancelled.is_set():
        return QueryTimedOut(f"The query ran longer than {execution.order.timeout_s:g} s.")
    return QueryCancelled("The query was stopped.")


def _watch(execution: _Execution, connection: Any, spill: str) -> None:
    """Wait for a stop or the deadline, then interrupt until the query has ended: an interrupt between two steps is forgotten."""
    deadline = execution.started + execution.order.timeout_s
    meter = ReadMeter(connection, spill=spill) if execution.order.max_bytes_scanned is not None else None
    while not execution.ended.is_set():
        if meter is not None and not execution.ended.is_set() and _exceeds(execution, meter.read_bytes()):
            meter = None
        if not _must_stop(execution) and time.monotonic() < deadline:
            execution.ended.wait(_INTERRUPT_EVERY_S)
            continue
        execution.timed_out = time.monotonic() >= deadline and not execution.cancelled.is_set()
        connection.interrupt()
        execution.ended.wait(_INTERRUPT_EVERY_S)
