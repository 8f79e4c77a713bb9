"""What a dataset may be partitioned by: keys that folders can carry, and no more partitions, nor smaller ones, than are worth their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import prod

from services.api.contracts import Profiled
from services.shared.errors import ContractInvalid, FieldError, PartitioningConflict, TooManyPartitions
from services.shared.partitioning import PartitionKey, parse_keys
from services.shared.publish_contract import ContractColumn
from services.shared.sql.names import near_miss

# Athena's own CREATE TABLE AS writes at most so many: https://docs.aws.amazon.com/athena/latest/ug/ctas-insert-into.html
ALWAYS_FEW = 100
_MAX_FOLDER_BYTES = 200
_MOMENTS = ("date", "timestamp")


@dataclass(frozen=True)
class Room:
    """How many partitions a file may fall into: the settings', against what its profile says."""

    max_partitions: int
    min_bytes: int
    records: int
    bytes: int


def keep_partitioning(asked: Sequence[str] | None, current: Sequence[str] | None, *, name: str, append: bool) -> tuple[str, ...]:
    """Return what the next version is partitioned by: what is asked, or else as before (`current`; None: there is no version yet).

    Raise PartitioningConflict for an append by other keys, and for a change between a partitioned table and one that is not.
    """
    if current is None:
        return tuple(asked or ())
    if asked is None or tuple(asked) == tuple(current):
        return tuple(current)
    before = f"partitioned by {', '.join(current)}" if current else "not partitioned"
    if append:
        raise PartitioningConflict(f"The dataset {name} is {before}, and what is appended is so too: leave partition_by out.")
    if bool(asked) != bool(current):
        raise PartitioningConflict(f"The dataset {name} is {before}, and stays so as long as it lives: publish under another name, or drop it first.")
    return tuple(asked)


def check_partitions(entries: Sequence[str], columns: Sequence[ContractColumn], profiled: Sequence[Profiled], room: Room) -> None:
    """Raise ContractInvalid with all that is wrong with the keys, or TooManyPartitions with the figures."""
    keys = parse_keys(entries)
    if not keys:
        return
    errors: list[FieldError] = []
    checker = _Checker(columns, profiled)
    for place, key in enumerate(keys):
        errors += [FieldError(f"#/partition_by/{place}", f"{key}: {detail}") for detail in checker.check(key, keys[:place])]
    if not errors and checker.published <= {key.name for key in keys}:
        errors.append(FieldError("#/partition_by", f"{', '.join(entries)}: these are all columns; the files need one that is no key."))
    if errors:
        raise ContractInvalid("; ".join(f"{error.pointer}: {error.detail}" for error in errors[:3]), errors=errors)
    _check_count(keys, checker.profiles, room)


class _Checker:
    def __init__(self, columns: Sequence[ContractColumn], profiled: Sequence[Profiled]) -> None:
        known = {column.position: column for column in profiled}
        self._columns = {column.name: column for column in columns if column.include}
        self._left_out = {column.name for column in columns if not column.include}
        self.published = set(self._columns)
        self.profiles = {name: known[column.position] for name, column in self._columns.items()}

    def check(self, key: PartitionKey, before: Sequence[PartitionKey]) -> list[str]:
        column = self._columns.get(key.column)
        if column is None:
            if key.column in self._left_out:
                return [f"the column {key.column} is left out (include: false)."]
            return [f"there is no column {key.column} to publish.{near_miss(key.column, self.published)}"]
        if key in before:
            return ["it is there twice."]
        if any(other.column == key.column and None in (other.part, key.part) for other in before):
            return [f"{key.column} is a key itself; its year, month and day add nothing."]
        if key.part is not None:
            return self._check_part(key, column)
        return self._check_column(column, self.profiles[key.column])

    def _check_part(self, key: PartitionKey, column: ContractColumn) -> list[str]:
        if column.type not in _MOMENTS:
            return [f"{column.name} is a {column.type}; only dates and timestamps have a {key.part}."]
        if key.name in self.published:
            return [f"it becomes the column {key.name}, and the file has one of this name: give that one another `name`, or leave it out."]
        return _check_name(key.name)

    def _check_column(self, column: ContractColumn, profile: Profiled) -> list[str]:
        name = column.name
        if column.type == "double":
            return [f"{name} is a double, which no text stands for exactly; publish it as string or decimal, or choose another column."]
        if column.type == "timestamp":
            return [f"{name} is a timestamp; year({name}), month({name}) and day({name}) can be keys."]
        found = _check_name(name)
        if column.type == "string" and profile.empty:
            found.append(
                f"{profile.empty} values are the empty text, which the name of a folder can't tell from NULL: "
                'profile the upload again with null_values [""], which makes them NULL, or choose another column.'
            )
        longest = len(name) + 1 + (profile.max_length or 0)
        if column.type == "string" and longest > _MAX_FOLDER_BYTES:
            found.append(f"the longest value has {profile.max_length} characters; a folder's name takes {_MAX_FOLDER_BYTES} bytes with the key's.")
        return found


def _check_name(name: str) -> list[str]:
    if name.startswith("_"):
        return [f"Athena skips folders whose names begin with an underscore; give {name} another `name`."]
    if len(name) > _MAX_FOLDER_BYTES // 2:
        return [f"a key's name has at most {_MAX_FOLDER_BYTES // 2} characters; give {name} another `name`."]
    return []


def _check_count(keys: Sequence[PartitionKey], profiles: Mapping[str, Profiled], room: Room) -> None:
    """Refuse what would be too many partitions, or more than a few tiny ones, by the profile's distinct counts."""
    parts: dict[str, list[str]] = {}
    for key in keys:
        parts.setdefault(key.column, []).extend([key.part] if key.part else [])
    counts = {column: _values(profiles[column], wanted) for column, wanted in parts.items()}
    most = min(prod(counts.values()), max(1, room.records))
    figures = " × ".join(f"{count:,} of {_named(column, parts[column])}" for column, count in counts.items())
    if most > room.max_partitions:
        raise TooManyPartitions(
            f"{room.records:,} records may fall into {most:,} partitions ({figures}); a table may have {room.max_partitions:,}. "
            "Partition by fewer or coarser keys (a city needs no country beside it; year() of a date), or raise HEADWATER_MAX_PARTITIONS."
        )
    average = room.bytes // most
    if most > ALWAYS_FEW and average < room.min_bytes:
        raise TooManyPartitions(
            f"{room.bytes:,} bytes in up to {most:,} partitions ({figures}) are {average:,} bytes each, on average. Each is a file to open for "
            f"every query, and not worth it with less than {room.min_bytes:,} bytes: partition by fewer or coarser keys, or by none. "
            f"Up to {ALWAYS_FEW} partitions may be of any size."
        )


def _named(column: str, parts: Sequence[str]) -> str:
    return ", ".join(f"{part}({column})" for part in parts) or column


def _values(profile: Profiled, parts: Sequence[str]) -> int:
    """Return how many values a key, or the parts of one column together, can have at most, NULL among them."""
    ends = _span(profile) if parts and profile.type in _MOMENTS else None
    spans = min(profile.distinct, _parts_in(parts, *ends)) if ends else profile.distinct
    return max(1, spans + (1 if profile.nulls else 0))


def _span(profile: Profiled) -> tuple[date, date] | None:
    if not isinstance(profile.low, str) or not isinstance(profile.high, str):
        return None
    return date.fromisoformat(profile.low[:10]), date.fromisoformat(profile.high[:10])


def _parts_in(parts: Sequence[str], first: date, last: date) -> int:
    """Return how many years, months, days, or pairs and triples of them, there are from one day to another."""
    days = (last - first).days + 1
    years, months = last.year - first.year + 1, (last.year - first.year) * 12 + last.month - first.month + 1
    match sorted(parts):
        case ["year"]:
            return years
        case ["month"]:
            return min(months, 12)
        case ["day"]:
            return min(days, 31)
        case ["month", "year"]:
            return months
        case ["day", "month"]:
            return min(days, 366)
        case ["day", "year"]:
            return min(days, 31 * years)
    return days
