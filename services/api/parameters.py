"""Parameters that several operations share, as the contract describes them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Path, Query

from services.api.schemas.base import MAX_VERSION, JobId, ProfileId, QueryId, SavedQueryId, TableName, UploadId
from services.api.schemas.jobs import JobKind, JobState

UploadPath = Annotated[UploadId, Path(description="The upload.")]
ProfilePath = Annotated[ProfileId, Path(description="The profile.")]
JobPath = Annotated[JobId, Path(description="The job.")]
QueryPath = Annotated[QueryId, Path(description="The query.")]
SavedQueryPath = Annotated[SavedQueryId, Path(description="The saved query.")]
DatasetPath = Annotated[TableName, Path(description="The dataset's name.")]
VersionPath = Annotated[int, Path(ge=1, le=MAX_VERSION, description="The version.")]
DatabasePath = Annotated[str, Path(min_length=1, max_length=255, description="The database.")]
TablePath = Annotated[str, Path(min_length=1, max_length=255, description="The table.")]

SearchName = Annotated[str | None, Query(alias="q", max_length=255, description="Only what has this text in its name, whatever the case.")]
SearchSql = Annotated[str | None, Query(alias="q", max_length=255, description="Only queries with this text in their SQL, whatever the case.")]
JobStates = Annotated[list[JobState] | None, Query(alias="state", description="Only those in these states; repeat it for several.")]
JobKinds = Annotated[list[JobKind] | None, Query(alias="kind", description="Only jobs of these kinds; repeat it for several.")]
ResourceWanted = Annotated[str | None, Query(max_length=64, description="Only jobs that work on this upload, dataset or query.")]
VersionWanted = Annotated[int | None, Query(ge=1, le=MAX_VERSION, description="The version; the current one when left out.")]
Columns = Annotated[
    str | None,
    Query(pattern="^[0-9]{0,6}:[0-9]{0,6}$", description="The columns wanted as a half-open range of positions from 0; either end may be left out."),
]
PreviewRows = Annotated[int, Query(ge=1, le=1000, description="The most rows.")]
LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", description="The id of the last event that arrived.")]


def column_range(columns: str | None) -> tuple[int, int | None]:
    """Return the first position wanted and the first one no longer wanted."""
    first, _, last = (columns or ":").partition(":")
    return int(first or 0), int(last) if last else None
