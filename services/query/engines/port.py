"""The engine port: start a query, follow it, stop it, read its result as Arrow batches.

Two kinds fit. One runs elsewhere (Athena): `start` returns at once, one poller asks `poll` for many executions, and
`open_result` reads what is finished. One runs here (DuckDB, `runs_here`): `start` prepares, and the work is done by the thread
that opens the result and takes its batches; `poll` says `running` meanwhile. `stop` may come from any thread, at any time.
Every failure is a `Problem` that a user may read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from services.shared.errors import Problem
from services.shared.results import ResultColumn


class ExecutionState(StrEnum):
    """Where an execution stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Order:
    """What to run: a statement in Athena's SQL, its parameters, where unqualified names live, how long it may take and what it may read.

    `token` is the same for every attempt at the query: an engine that runs elsewhere starts one execution for it, however often it is asked.
    """

    query_id: str
    sql: str
    database: str
    parameters: tuple[bool | int | float | str | None, ...] = ()
    timeout_s: float = 1800.0
    max_sql_bytes: int = 65_536
    max_bytes_scanned: int | None = None
    token: str = ""


@dataclass(frozen=True)
class Statistics:
    """What an execution cost; what is not known yet is None."""

    planning_ms: int | None = None
    execution_ms: int | None = None
    bytes_scanned: int | None = None
    rows: int | None = None


@dataclass(frozen=True)
class Status:
    """An execution's state; a failed one has its problem."""

    state: ExecutionState
    statistics: Statistics = Statistics()
    problem: Problem | None = None


@dataclass(frozen=True)
class Result:
    """A result being read: its columns and its rows as Arrow record batches, taken once."""

    columns: tuple[ResultColumn, ...]
    batches: Iterator[Any]


class Engine(Protocol):
    """Runs Athena's SQL."""

    @property
    def name(self) -> str:
        """Return `athena` or `duckdb`."""
        ...

    @property
    def runs_here(self) -> bool:
        """Tell whether the thread that opens the result does the work."""
        ...

    def start(self, order: Order) -> str:
        """Start an execution; return its id. Raise a Problem for SQL that can't run."""
        ...

    def poll(self, execution_ids: Sequence[str]) -> Mapping[str, Status]:
        """Return how executions stand; one that the engine does not know is missing."""
        ...

    def open_result(self, execution_id: str) -> AbstractContextManager[Result]:
        """Open the result; taking the batches raises the execution's Problem."""
        ...

    def stop(self, execution_id: str) -> None:
        """Stop an execution; one that has ended or is unknown is left alone."""
        ...

    def statistics(self, execution_id: str) -> Statistics:
        """Return what the execution cost so far."""
        ...

    def forget(self, execution_id: str) -> None:
        """Drop what is kept of an execution that has ended."""
        ...
