"""What every schema shares: frozen models that know no unknown field, and the scalar types of the contract."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema


class Schema(BaseModel):
    """A body of the contract; it is built from a record's attributes or from JSON, and never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


def absent() -> Any:
    """Return the field of an optional answer: left out when there is nothing to say, never `null`."""
    return Field(default=None, exclude_if=_is_none)


def _is_none(value: object) -> bool:
    return value is None


def _rfc3339(value: datetime) -> str:
    return value.isoformat(timespec="microseconds").replace("+00:00", "Z")


_ID = "[0-9a-z]{26,}$"
MAX_VERSION = 2**31 - 1

UploadId = Annotated[str, Field(pattern=f"^upl_{_ID}")]
ProfileId = Annotated[str, Field(pattern=f"^prf_{_ID}")]
JobId = Annotated[str, Field(pattern=f"^job_{_ID}")]
DatasetId = Annotated[str, Field(pattern=f"^dst_{_ID}")]
QueryId = Annotated[str, Field(pattern=f"^qry_{_ID}")]
SavedQueryId = Annotated[str, Field(pattern=f"^svq_{_ID}")]

Timestamp = Annotated[
    AwareDatetime,
    PlainSerializer(_rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Count = Annotated[int, Field(ge=0)]
Position = Annotated[int, Field(ge=0)]
VersionNumber = Annotated[int, Field(ge=1, le=MAX_VERSION)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
TableName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,62}$")]
ColumnName = Annotated[str, Field(pattern="^[a-z_][a-z0-9_]*$", max_length=255)]
PartitionEntry = Annotated[str, Field(pattern=r"^([a-z_][a-z0-9_]*|(year|month|day)\([a-z_][a-z0-9_]*\))$", max_length=262)]
ColumnType = Annotated[
    str,
    Field(pattern=r"^(boolean|bigint|decimal\([0-9]{1,2},[0-9]{1,2}\)|double|date|timestamp|string)$"),
]
Cell = str | None
Value = float | str | None
ResultValue = bool | int | float | str | None
