"""Uploads: files on their way in, their first rows, and the records that could not be read."""

from __future__ import annotations

from typing import Literal

from services.api.schemas.base import Cell, ColumnType, Count, JobId, Position, ProfileId, Schema, Sha256, Timestamp, UploadId
from services.api.schemas.page import Page
from services.api.schemas.problem import Line, Problem
from services.api.schemas.profiles import Dialect

UploadState = Literal["receiving", "complete", "failed", "expired"]
RejectCode = Literal[
    "too_many_fields",
    "too_few_fields",
    "unclosed_quote",
    "bad_encoding",
    "bad_quote",
    "record_too_long",
    "cast_failed",
]


class Upload(Schema):
    """One file and how much of it is stored."""

    id: UploadId
    filename: str
    size: Count | None
    offset: Count
    state: UploadState
    sha256: Sha256 | None
    created_at: Timestamp
    expires_at: Timestamp | None
    profile_job_id: JobId | None
    profile_id: ProfileId | None
    error: Problem | None


class UploadList(Page[Upload]):
    """A page of uploads."""


class PreviewColumn(Schema):
    """A column of the preview, its type provisional."""

    position: Position
    source_name: str
    type: ColumnType


class Preview(Schema):
    """The first rows of a file as raw text."""

    dialect: Dialect
    columns: tuple[PreviewColumn, ...]
    rows: tuple[tuple[Cell, ...], ...]
    complete: bool
    offset: Count


class Reject(Schema):
    """A record that could not be read, and why."""

    line: Line
    byte_offset: Count
    code: RejectCode
    detail: str
    raw: str


class RejectList(Page[Reject]):
    """A page of rejects, in the order of the file."""
