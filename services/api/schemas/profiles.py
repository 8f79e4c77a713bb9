"""Profiles: everything one pass over every record of a file found out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from services.api.schemas.base import ColumnName, ColumnType, Count, Position, ProfileId, Schema, Sha256, UploadId, Value, absent
from services.api.schemas.problem import Line

Compression = Literal["none", "gzip", "zstd", "zip", "bzip2", "xlsx"]
LineTerminator = Literal["\n", "\r\n", "\r", "mixed"]
Encoding = Annotated[str, Field(pattern="^[a-z0-9_-]+$", max_length=40)]
Delimiter = Annotated[str, Field(min_length=1, max_length=16)]
Mark = Annotated[str, Field(min_length=1, max_length=1)]


class Dialect(Schema):
    """How the bytes of a file become records and cells."""

    encoding: Encoding
    compression: Compression
    delimiter: Delimiter
    quotechar: Mark | None
    escapechar: Mark | None
    lineterminator: LineTerminator
    header: bool
    skip_records: Count


class DialectRequest(Schema):
    """The parts of a dialect that are given rather than detected; a mark that is given as null says that there is none."""

    encoding: Encoding | None = None
    compression: Compression | None = None
    delimiter: Delimiter | None = None
    quotechar: Mark | None = None
    escapechar: Mark | None = None
    lineterminator: LineTerminator | None = None
    header: bool | None = None
    skip_records: Annotated[int, Field(ge=0, le=1_000_000)] | None = None

    def given(self) -> dict[str, str | int | bool | None]:
        """Return only what was chosen: marks that were named, null too, and everything else that is not null."""
        chosen = self.model_dump(exclude_unset=True)
        return {name: value for name, value in chosen.items() if value is not None or name in {"quotechar", "escapechar"}}


class ProfileRequest(Schema):
    """The settings of a new profile; what is left out is detected."""

    dialect: DialectRequest | None = None
    null_values: Annotated[tuple[Annotated[str, Field(max_length=255)], ...], Field(max_length=100)] | None = None
    header: bool | None = None


class ProfileWarning(Schema):
    """Something a person should look at before publishing."""

    code: Annotated[str, Field(pattern="^[a-z0-9_]+$")]
    column: ColumnName | SkipJsonSchema[None] = absent()
    detail: str


class Quantile(Schema):
    """The value below which a share `p` of a column's values lies."""

    p: Annotated[float, Field(ge=0, le=1)]
    value: Value


class Histogram(Schema):
    """Counts between edges; there is one edge more than there are counts."""

    edges: tuple[Value, ...]
    counts: tuple[Count, ...]


class TopValue(Schema):
    """A frequent value as raw text."""

    value: str
    count: Count


class CastFailure(Schema):
    """One value that a type would lose."""

    line: Line
    value: str


class Cast(Schema):
    """What a column would lose under one candidate type."""

    fails: Count
    first_failures: tuple[CastFailure, ...]


class ColumnProfile(Schema):
    """One column over every record of the file."""

    position: Position
    source_name: str
    name: ColumnName
    type: ColumnType
    nulls: Count
    empty: Count
    normalised: Count
    distinct: Count
    distinct_is_exact: bool
    min: Value
    max: Value
    min_length: Count | None
    max_length: Count | None
    mean: Value
    stddev: Value
    quantiles: tuple[Quantile, ...]
    histogram: Histogram | None
    top: tuple[TopValue, ...]
    top_is_exact: bool
    examples: tuple[str, ...]
    casts: dict[str, Cast]


class Profile(Schema):
    """A finished profile; it never changes."""

    id: ProfileId
    upload_id: UploadId
    sha256: Sha256
    bytes: Count
    records: Count
    header_records: Count
    preamble_records: Count
    comment_records: Count
    blank_records: Count
    rejected_records: Count
    dialect: Dialect
    warnings: tuple[ProfileWarning, ...]
    columns: tuple[ColumnProfile, ...]
    total_columns: Count
