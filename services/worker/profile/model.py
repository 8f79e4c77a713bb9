"""The profile as it is stored: a head document and one JSON object a column, in JSON Lines, so that columns are paged without the rest."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

Value = str | float | None


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the user should know; `column` is its table name."""

    code: str
    detail: str
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Quantile:
    """A value that a share `p` of the column does not exceed."""

    p: float
    value: Value


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts between edges of equal distance; of lengths in characters where the column is text."""

    edges: tuple[Value, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TopValue:
    """A frequent value as text; its count is exact up to 4,096 different values, beyond that an estimate (± 0.4 % of the rows)."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell that is not of a type."""

    line: int
    value: str


@dataclass(frozen=True, slots=True)
class Cast:
    """How many cells of the whole file a type would not hold, and the first of them."""

    fails: int
    first_failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column over every record; `format` is how a date or timestamp is written, if not in ISO 8601."""

    position: int
    source_name: str
    name: str
    type: str
    format: str | None
    nulls: int
    empty: int
    normalised: int
    distinct: int
    distinct_is_exact: bool
    min: Value
    max: Value
    min_length: int | None
    max_length: int | None
    mean: Value
    stddev: float | None
    quantiles: tuple[Quantile, ...]
    histogram: Histogram | None
    top: tuple[TopValue, ...]
    top_is_exact: bool
    examples: tuple[str, ...]
    casts: dict[str, Cast]


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything one pass over every record found out; `reading` is the reader's whole dialect, of which `dialect` shows a part."""

    sha256: str
    bytes: int
    records: int
    header_records: int
    preamble_records: int
    comment_records: int
    blank_records: int
    rejected_records: int
    dialect: dict[str, Any]
    reading: dict[str, Any]
    null_values: tuple[str, ...] | None
    warnings: tuple[Warned, ...]
    columns: tuple[ColumnProfile, ...]


def head(profile: Profile) -> dict[str, Any]:
    """Return the profile without its columns, but with their number and the formats that a publish needs."""
    document = {name: getattr(profile, name) for name in profile.__slots__ if name not in ("columns", "warnings", "null_values")}
    warnings = [{key: value for key, value in asdict(warning).items() if value is not None} for warning in profile.warnings]
    formats = {str(column.position): column.format for column in profile.columns if column.format is not None}
    null_values = None if profile.null_values is None else list(profile.null_values)
    return {**document, "warnings": warnings, "total_columns": len(profile.columns), "formats": formats, "null_values": null_values}


def to_json(profile: Profile) -> bytes:
    """Write line 0: the head with `column_offsets`, from the end of that line; then one line a column."""
    lines = [_line({name: value for name, value in _plain(column).items() if name != "format"}) for column in profile.columns]
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line))
    return b"".join([_line({**head(profile), "column_offsets": offsets}), *lines])


def read_head(stream: BinaryIO) -> tuple[dict[str, Any], int]:
    """Return the head and the byte position of the first column."""
    line = stream.readline()
    return json.loads(line), len(line)


def read_columns(stream: BinaryIO, first: int, last: int) -> Sequence[dict[str, Any]]:
    """Return columns `first` up to, not including, `last`, reading no other."""
    document, start = read_head(stream)
    offsets = document["column_offsets"]
    first, last = max(0, min(first, len(offsets) - 1)), max(0, min(last, len(offsets) - 1))
    if first >= last:
        return []
    stream.seek(start + offsets[first])
    return [json.loads(line) for line in stream.read(offsets[last] - offsets[first]).splitlines()]


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False, default=_plain).encode() + b"\n"


def _plain(record: Any) -> dict[str, Any]:
    """Return a record's fields as they are; `asdict` would copy all that is in them."""
    return {name: getattr(record, name) for name in record.__slots__}
