"""Time zones: a timestamp with a zone is held in UTC, its zone is part of its type (docs: language/types, functions/datetime)."""

from __future__ import annotations

import re

from services.shared.sql.bound import Bound
from services.shared.sql.names import text
from services.shared.sql.types import TIMESTAMP, TIMESTAMP_TZ, Kind, Type
from services.shared.sql.zone_names import ZONE_NAMES

_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")
_UTC = ("UTC", "Z", "+00:00", "-00:00")


def is_zone(name: str) -> bool:
    """Tell whether a name is one of the IANA database or an offset such as +02:00."""
    match = _OFFSET.fullmatch(name)
    return int(match[2]) <= 14 and int(match[3]) < 60 if match else name in ZONE_NAMES or name == "Z"


def zoned(name: str) -> Type:
    """Return the type of timestamps in a zone; UTC's is the plain one."""
    return TIMESTAMP_TZ if name in _UTC else Type(Kind.TIMESTAMP_TZ, names=(name,))


def zone_of(kind: Type) -> str:
    """Return the zone of a type."""
    return kind.names[0] if kind.names else "UTC"


def local(value: Bound) -> str:
    """Return what the clock shows in the value's own zone, as a DuckDB timestamp."""
    zone = zone_of(value.type)
    if value.type.kind is not Kind.TIMESTAMP_TZ or zone == "UTC":
        return value.sql
    if shift := _shift_ms(zone):
        return f"({value.sql} + to_milliseconds({shift}))"
    return f"timezone({text(zone)}, timezone('UTC', {value.sql}))"


def in_zone(clock: str, zone: str) -> Bound:
    """Return the moment at which the clock of a zone shows this timestamp."""
    kind = zoned(zone)
    if kind == TIMESTAMP_TZ:
        return Bound(clock, kind)
    if shift := _shift_ms(zone):
        return Bound(f"({clock} - to_milliseconds({shift}))", kind)
    return Bound(f"timezone('UTC', timezone({text(zone)}, {clock}))", kind)


def at_zone(value: Bound, zone: str) -> Bound:
    """Return the same moment, shown in another zone; a timestamp without one is UTC's."""
    return Bound(value.sql, zoned(zone))


def as_clock(value: Bound) -> Bound:
    """Return a date or a timestamp as its clock shows it, without a zone."""
    return value if value.type.kind is not Kind.TIMESTAMP_TZ else Bound(local(value), TIMESTAMP)


def offset_minutes(value: Bound) -> str:
    """Return how many minutes the zone's clock is ahead of UTC at that moment."""
    return f"((epoch_ms({local(value)}) - epoch_ms({value.sql})) // CAST(60000 AS BIGINT))"


def _shift_ms(zone: str) -> int:
    match = _OFFSET.fullmatch(zone)
    if match is None:
        return 0
    size = (int(match[2]) * 60 + int(match[3])) * 60_000
    return -size if match[1] == "-" else size
