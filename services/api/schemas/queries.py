"""Queries: one SQL statement each, its state, its figures, and statements kept under a name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from services.api.schemas.base import Count, QueryId, SavedQueryId, Schema, Timestamp
from services.api.schemas.jobs import JobState, Phase
from services.api.schemas.page import Page
from services.api.schemas.problem import Problem
from services.api.schemas.results import ResultColumn

DatabaseName = Annotated[str, Field(pattern="^[a-z0-9_]+$", max_length=255)]
Sql = Annotated[str, Field(min_length=1, max_length=262_144)]
Parameter = bool | int | float | Annotated[str, Field(max_length=65_536)] | None
Parameters = Annotated[tuple[Parameter, ...], Field(max_length=100)]
ScanBytes = Annotated[int, Field(ge=1, le=2**53 - 1)]


class QueryRequest(Schema):
    """A statement to run."""

    sql: Sql
    database: DatabaseName | None = None
    parameters: Parameters = ()
    reuse_results_minutes: Annotated[int, Field(ge=0, le=10_080)] | None = None
    max_bytes_scanned: ScanBytes | None = None


class Statistics(Schema):
    """What a query cost; what is not known yet is null."""

    queue_ms: Count | None
    planning_ms: Count | None
    execution_ms: Count | None
    bytes_scanned: Count | None
    rows: Count | None
    cost_usd: Annotated[float, Field(ge=0)] | None
    reused: bool


class ScanLimit(Schema):
    """The limit a query was given, and how it holds."""

    max_bytes_scanned: ScanBytes
    bytes_bound: Count | None
    applied: Literal["before_run", "while_running"]


class Query(Schema):
    """One statement and its life."""

    id: QueryId
    sql: str
    database: str
    state: JobState
    phase: Phase | None
    engine: Literal["athena", "duckdb"]
    engine_execution_id: str | None
    statistics: Statistics
    columns: tuple[ResultColumn, ...] | None
    scan_limit: ScanLimit | None
    reused_from: QueryId | None
    error: Problem | None
    cancel_requested_at: Timestamp | None
    submitted_at: Timestamp
    finished_at: Timestamp | None


class QueryList(Page[Query]):
    """A page of queries."""


class EstimateRequest(Schema):
    """A statement to weigh."""

    sql: Sql
    database: DatabaseName | None = None
    parameters: Parameters = ()


class Estimate(Schema):
    """The most a statement can scan and cost."""

    statement: str
    tables: tuple[str, ...]
    columns: tuple[str, ...]
    bytes_bound: Count | None
    bound_kind: Literal["exact_scan", "whole_table", "cutoff"]
    cost_bound_usd: Annotated[float, Field(ge=0)] | None


class SavedQueryRequest(Schema):
    """A statement to keep under a name."""

    name: Annotated[str, Field(pattern=r"\S", max_length=255)]
    description: Annotated[str, Field(max_length=2048)] | None = None
    sql: Sql
    database: DatabaseName | None = None


class SavedQuery(Schema):
    """A statement kept under a name."""

    id: SavedQueryId
    name: str
    description: str
    sql: str
    database: str | None
    created_at: Timestamp
    updated_at: Timestamp


class SavedQueryList(Page[SavedQuery]):
    """A page of saved queries."""
