"""Datasets: tables with versions, and the receipt that proves each of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from services.api.schemas.base import (
    ColumnName,
    ColumnType,
    Count,
    DatasetId,
    JobId,
    PartitionEntry,
    ProfileId,
    Schema,
    Sha256,
    TableName,
    Timestamp,
    UploadId,
    Value,
    VersionNumber,
)
from services.api.schemas.page import Page

DatasetFormat = Literal["parquet", "csv"]
Comment = Annotated[str, Field(max_length=255)]


class DatasetColumnRequest(Schema):
    """What a column of the file becomes; what is left out is as profiled."""

    source_name: str
    name: ColumnName | None = None
    type: ColumnType | None = None
    include: bool = True
    comment: Comment | None = None
    format: Annotated[str, Field(max_length=64)] | None = None


class DatasetRequest(Schema):
    """A publish: which file, under which contract, into which table."""

    upload_id: UploadId
    profile_id: ProfileId | None = None
    name: TableName
    description: Annotated[str, Field(max_length=2048)] | None = None
    format: DatasetFormat | None = None
    mode: Literal["create", "append", "replace"] = "create"
    columns: Annotated[tuple[DatasetColumnRequest, ...], Field(max_length=10_000)] | None = None
    other_columns: Literal["include", "leave_out"] = "include"
    partition_by: Annotated[tuple[PartitionEntry, ...], Field(max_length=4)] | None = None
    on_reject: Literal["quarantine", "fail"] = "quarantine"
    max_reject_ratio: Annotated[float, Field(ge=0, le=1)] | None = None
    on_missing_column: Literal["fail", "null"] = "fail"
    expected_version: VersionNumber | None = None


class DatasetColumn(Schema):
    """A column of a dataset's contract."""

    name: ColumnName
    type: ColumnType
    source_name: str
    comment: str | None


class DatasetCrawler(Schema):
    """The crawler that found the current version."""

    name: str
    state: Literal["ready", "running", "stopping"]
    last_crawl: Timestamp | None


class DatasetSource(Schema):
    """The file a version was made from."""

    upload_id: UploadId
    profile_id: ProfileId
    filename: str
    sha256: Sha256


class Dataset(Schema):
    """A table of ours, as its current version has it."""

    id: DatasetId
    name: TableName
    database: str
    description: str
    format: DatasetFormat
    state: Literal["creating", "ready", "dropping"]
    version: VersionNumber | None
    columns: tuple[DatasetColumn, ...]
    partition_by: tuple[PartitionEntry, ...]
    rows: Count | None
    bytes: Count | None
    files: Count | None
    location: str | None
    crawler: DatasetCrawler | None
    source: DatasetSource | None
    last_job_id: JobId | None
    created_at: Timestamp
    updated_at: Timestamp


class DatasetList(Page[Dataset]):
    """A page of datasets."""


class DatasetVersion(Schema):
    """One immutable version of a dataset."""

    version: VersionNumber
    current: bool
    mode: Literal["create", "append", "replace", "restore"]
    restored_from: VersionNumber | None
    columns: tuple[DatasetColumn, ...]
    partition_by: tuple[PartitionEntry, ...]
    rows: Count
    bytes: Count
    files: Count
    location: str
    source: DatasetSource | None
    job_id: JobId
    created_at: Timestamp


class DatasetVersionList(Page[DatasetVersion]):
    """A page of versions."""


class ReceiptColumn(Schema):
    """One column, as it was read and as the engine sees it."""

    name: ColumnName
    type: ColumnType
    catalog_type: str
    nulls_in: Count
    nulls_out: Count
    min_in: Value
    min_out: Value
    max_in: Value
    max_out: Value
    sum_in: Value
    sum_out: Value
    normalised: Count
    equal: bool


class CrawlerDifference(Schema):
    """Where the crawler and the contract disagreed, and what was done."""

    column: str
    crawled: str | None
    contract: str | None
    action: str


class Receipt(Schema):
    """The proof that nothing was lost between the file and the table."""

    version: VersionNumber
    records_in: Count
    header_records: Count
    preamble_records: Count
    comment_records: Count
    blank_records: Count
    rejected_records: Count
    published_rows: Count
    rows_before: Count
    catalog_rows: Count
    balanced: bool
    columns: tuple[ReceiptColumn, ...]
    crawler_diff: tuple[CrawlerDifference, ...]
    bytes_scanned: Count
    checked_at: Timestamp
