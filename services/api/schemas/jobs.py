"""Jobs: long work, how far it is, and how it ended."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from services.api.schemas.base import Count, DatasetId, JobId, ProfileId, QueryId, Schema, TableName, Timestamp, UploadId, VersionNumber
from services.api.schemas.page import Page
from services.api.schemas.problem import Problem

JobKind = Literal["profile", "publish", "export", "drop"]
JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Phase = Annotated[str, Field(pattern="^[a-z][a-z_]*$")]


class Progress(Schema):
    """How far a job is; what is not known is null."""

    percent: Annotated[float, Field(ge=0, le=100)] | None
    bytes_done: Count | None
    bytes_total: Count | None
    records_done: Count | None
    bytes_per_second: Annotated[float, Field(ge=0)] | None
    eta_seconds: Annotated[float, Field(ge=0)] | None


class JobResource(Schema):
    """What a job works on."""

    type: Literal["upload", "dataset", "query"]
    id: UploadId | DatasetId | QueryId


class ProfileResult(Schema):
    """What a profile job made."""

    profile_id: ProfileId


class PublishResult(Schema):
    """What a publish job made."""

    dataset: TableName
    version: VersionNumber


class ExportResult(Schema):
    """What an export job made; the download of that format is ready."""

    query_id: QueryId
    format: Literal["csv", "parquet", "jsonl", "xlsx"]
    safe: Literal["spreadsheet"] | None
    bytes: Count


class DropResult(Schema):
    """What a drop job removed."""

    dropped: TableName


class Job(Schema):
    """One piece of long work."""

    id: JobId
    kind: JobKind
    state: JobState
    phase: Phase | None
    progress: Progress
    attempt: Count
    resource: JobResource
    result: ProfileResult | PublishResult | ExportResult | DropResult | None
    error: Problem | None
    queued_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    heartbeat_at: Timestamp | None
    cancel_requested_at: Timestamp | None


class JobList(Page[Job]):
    """A page of jobs."""
