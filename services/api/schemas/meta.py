"""Meta and health: what this installation is, what it can, and whether it does."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from services.api.schemas.base import Count, Schema
from services.api.schemas.profiles import Compression


class Limits(Schema):
    """The bounds of a request, from the settings."""

    max_upload_bytes: Count
    max_part_bytes: Count
    max_concatenated_parts: Count
    max_request_bytes: Count
    max_record_bytes: Count
    max_unpacked_bytes: Count
    max_sql_bytes: Count
    max_query_parameters: Count
    max_page_items: Count
    max_preview_rows: Count
    max_result_rows: Count
    max_table_columns: Count
    max_partitions: Count
    min_partition_bytes: Count
    max_reject_ratio: Annotated[float, Field(ge=0, le=1)]
    query_slots: Count
    query_timeout_seconds: Annotated[float, Field(gt=0)]


class Retention(Schema):
    """How long things are kept, in seconds unless said otherwise."""

    incomplete_uploads_seconds: Annotated[float, Field(gt=0)]
    raw_files_seconds: Annotated[float, Field(gt=0)]
    results_seconds: Annotated[float, Field(gt=0)]
    versions: Annotated[int, Field(ge=1)]
    version_grace_seconds: Annotated[float, Field(ge=0)]
    idempotency_keys_seconds: Annotated[float, Field(gt=0)]


class Features(Schema):
    """What works on this installation."""

    estimate: bool
    saved_queries: bool
    metrics: bool
    csv_datasets: bool
    partitioned_datasets: bool
    spreadsheet_safe_downloads: bool


class Formats(Schema):
    """The formats that work on this installation."""

    datasets: tuple[Literal["parquet", "csv"], ...]
    downloads: tuple[Literal["csv", "parquet", "jsonl", "xlsx"], ...]


class Meta(Schema):
    """What a client needs to know before it offers anything."""

    version: str
    platform: Literal["local", "aws"]
    engine: Literal["athena", "duckdb"]
    database: str
    limits: Limits
    retention: Retention
    features: Features
    formats: Formats
    compression: tuple[Compression, ...]


class Health(Schema):
    """The process lives."""

    status: Literal["ok"]


class Check(Schema):
    """One dependency, asked just now."""

    name: str
    status: Literal["ok", "failed"]
    detail: str


class Readiness(Schema):
    """Whether requests can be served; `degraded` means accepted work may wait."""

    status: Literal["ready", "degraded"]
    checks: tuple[Check, ...]
