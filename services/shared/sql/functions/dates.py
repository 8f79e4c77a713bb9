"""Dates and timestamps; the session's zone is UTC, as Athena's is (docs: functions/datetime)."""

from __future__ import annotations

from services.shared.sql.bound import Bound, coerce, integer, invalid, unsupported
from services.shared.sql.call import Call, Function, Functions
from services.shared.sql.casts import cast
from services.shared.sql.functions.simple import Form, simple
from services.shared.sql.operators import shift_moment
from services.shared.sql.types import BIGINT, DATE, DAYS, DOUBLE, MOMENTS, MONTHS, TIMESTAMP, TIMESTAMP_TZ, VARCHAR, Kind, Type, duckdb_type
from services.shared.sql.zones import as_clock, at_zone, in_zone, is_zone, local, offset_minutes, zone_of

_MILLISECONDS = {"millisecond": 1, "second": 1000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000, "week": 7 * 86_400_000}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_PARTS = {
    "year": "year", "month": "month", "day": "day", "day_of_month": "day", "quarter": "quarter", "week": "week", "week_of_year": "week",
    "day_of_week": "isodow", "dow": "isodow", "day_of_year": "dayofyear", "doy": "dayofyear", "year_of_week": "isoyear", "yow": "isoyear",
}  # fmt: skip
_CLOCK_PARTS = {"hour": "hour", "minute": "minute", "second": "second"}


def _moment(call: Call, index: int) -> Bound:
    bound = call.arg(index)
    if bound.type.kind not in MOMENTS:
        raise call.mismatch(f"{call.name} takes a date or a timestamp, not {bound.type}")
    return bound


def _unit(call: Call) -> str:
    unit = call.text(0, "unit").lower()
    if unit not in _MILLISECONDS and unit not in _MONTHS:
        raise invalid(f"{unit!r} is no unit of {call.name}", call.node)
    return unit


def _fits(call: Call, unit: str, moment: Bound) -> None:
    if moment.type.kind is Kind.DATE and _MILLISECONDS.get(unit, 86_400_000) < 86_400_000:
        raise invalid(f"{unit!r} is no unit of a date", call.node)


def _date_add(call: Call) -> Bound:
    call.need(3)
    unit, amount, moment = _unit(call), call.typed(1, BIGINT), _moment(call, 2)
    _fits(call, unit, moment)
    if unit in _MONTHS:
        return shift_moment(moment, "+", _times(amount, _MONTHS[unit], MONTHS), call.node)
    if unit in ("day", "week") and zone_of(moment.type) != "UTC":
        return in_zone(shift_moment(as_clock(moment), "+", _times(amount, _MILLISECONDS[unit], DAYS), call.node).sql, zone_of(moment.type))
    if moment.type.kind is Kind.DATE:
        days = _MILLISECONDS[unit] // 86_400_000
        return Bound(f"({moment.sql} + CAST({amount.sql} * {days} AS INTEGER))", DATE)
    return shift_moment(moment, "+", _times(amount, _MILLISECONDS[unit], DAYS), call.node)


def _times(amount: Bound, factor: int, kind: Type) -> Bound:
    return Bound(f"({amount.sql} * CAST({factor} AS BIGINT))", kind)


def _date_diff(call: Call) -> Bound:
    call.need(3)
    unit, first, second = _unit(call), _moment(call, 1), _moment(call, 2)
    for each in (first, second):
        _fits(call, unit, each)
    if len({zone_of(each.type) for each in (first, second)}) > 1 and _MILLISECONDS.get(unit, 86_400_000) >= 86_400_000:
        raise unsupported(f"date_diff of {unit}s between two time zones", call.node)
    if _MILLISECONDS.get(unit, 86_400_000) >= 86_400_000:
        first, second = as_clock(first), as_clock(second)
    a, b = (f"CAST({each.sql} AS TIMESTAMP)" for each in (first, second))
    if unit in _MILLISECONDS:
        return Bound(f"((epoch_ms({b}) - epoch_ms({a})) // CAST({_MILLISECONDS[unit]} AS BIGINT))", BIGINT)
    months = f"(CASE WHEN {a} <= {b} THEN date_sub('month', {a}, {b}) ELSE -date_sub('month', {b}, {a}) END)"
    return Bound(f"({months} // CAST({_MONTHS[unit]} AS BIGINT))", BIGINT)


def _date_trunc(call: Call) -> Bound:
    call.need(2)
    unit, moment = _unit(call), _moment(call, 1)
    _fits(call, unit, moment)
    if zone_of(moment.type) != "UTC":
        return in_zone(f"CAST(date_trunc('{unit}', {local(moment)}) AS TIMESTAMP)", zone_of(moment.type))
    return Bound(f"CAST(date_trunc('{unit}', {moment.sql}) AS {duckdb_type(moment.type)})", moment.type)


def _part(word: str, *, clock: bool) -> Function:
    def bind(call: Call) -> Bound:
        call.need(1)
        moment = _moment(call, 0)
        if clock and moment.type.kind is Kind.DATE:
            raise call.mismatch(f"{call.name.removeprefix('$extract_')} does not take a date")
        return Bound(f"CAST(date_part('{word}', {local(moment)}) AS BIGINT)", BIGINT)

    return bind


def _millisecond(call: Call) -> Bound:
    call.need(1)
    moment = _moment(call, 0)
    if moment.type.kind is Kind.DATE:
        raise call.mismatch("millisecond does not take a date")
    return Bound(f"(((epoch_ms({moment.sql}) % 1000) + 1000) % 1000)", BIGINT)


def _last_day(call: Call) -> Bound:
    call.need(1)
    return Bound(f"last_day({local(_moment(call, 0))})", DATE)


def _date(call: Call) -> Bound:
    call.need(1)
    value = call.arg(0)
    if value.type.kind is Kind.VARCHAR:
        return cast(value, DATE, lenient=False, node=call.node)
    if value.type.kind not in MOMENTS:
        raise call.mismatch(f"date does not take {value.type}")
    return Bound(f"CAST({local(value)} AS DATE)", DATE)


def _current(kind_name: str) -> Function:
    kind = {"date": DATE, "local": TIMESTAMP, "zoned": TIMESTAMP_TZ}[kind_name]

    def bind(call: Call) -> Bound:
        call.need(0)
        moment = call.binder.moment()
        return Bound(f"CAST({moment} AS DATE)" if kind == DATE else moment, kind)

    return bind


def _from_unixtime(call: Call) -> Bound:
    call.need(1, 3)
    seconds = coerce(call.arg(0), DOUBLE, node=call.node)
    moment = Bound(f"epoch_ms(CAST(round({seconds.sql} * 1000) AS BIGINT))", TIMESTAMP_TZ)
    if len(call.args) == 1:
        return moment
    return at_zone(moment, zone_argument(call, 1) if len(call.args) == 2 else _offset_argument(call))


def zone_argument(call: Call, index: int) -> str:
    """Return the zone that an argument names."""
    name = call.text(index, "time zone")
    if not is_zone(name):
        raise invalid(f"{name[:60]!r} is no time zone", call.node)
    return name


def _offset_argument(call: Call) -> str:
    hours, minutes = call.arg(1).number, call.arg(2).number
    if hours is None or minutes is None or abs(hours) > 14 or not 0 <= minutes < 60:
        raise unsupported("from_unixtime with an offset that is not made of literals", call.node)
    return f"{'-' if hours < 0 else '+'}{abs(hours):02}:{minutes:02}"


def _at_timezone(call: Call) -> Bound:
    call.need(2)
    value = call.arg(0)
    if value.type.kind not in (Kind.TIMESTAMP, Kind.TIMESTAMP_TZ):
        raise call.mismatch(f"AT TIME ZONE does not take {value.type}")
    return at_zone(value, zone_argument(call, 1))


def _with_timezone(call: Call) -> Bound:
    call.need(2)
    return in_zone(call.typed(0, TIMESTAMP).sql, zone_argument(call, 1))


def _timezone_part(template: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(1)
        value = call.arg(0)
        if value.type.kind is not Kind.TIMESTAMP_TZ:
            raise call.mismatch(f"{call.name} takes a timestamp with time zone, not {value.type}")
        return Bound(template.format(offset_minutes(value)), BIGINT)

    return bind


def _to_unixtime(call: Call) -> Bound:
    call.need(1)
    return Bound(f"(CAST(epoch_ms(CAST({_moment(call, 0).sql} AS TIMESTAMP)) AS DOUBLE) / 1000)", DOUBLE)


def _to_milliseconds(call: Call) -> Bound:
    call.need(1)
    value = call.arg(0)
    if value.type != DAYS:
        raise call.mismatch(f"to_milliseconds does not take {value.type}")
    return Bound(value.sql, BIGINT, integer(value.number, BIGINT).literal if value.number is not None else None)


def _parts() -> dict[str, Function]:
    functions: dict[str, Function] = {}
    for prefix in ("", "$extract_"):
        functions |= {prefix + name: _part(word, clock=False) for name, word in _PARTS.items()}
        functions |= {prefix + name: _part(word, clock=True) for name, word in _CLOCK_PARTS.items()}
    return functions


FUNCTIONS: Functions = {
    **_parts(),
    "millisecond": _millisecond,
    "at_timezone": _at_timezone,
    "with_timezone": _with_timezone,
    "timezone_hour": _timezone_part("({0} // 60)"),
    "timezone_minute": _timezone_part("({0} - ({0} // 60) * 60)"),
    "$extract_timezone_hour": _timezone_part("({0} // 60)"),
    "$extract_timezone_minute": _timezone_part("({0} - ({0} // 60) * 60)"),
    "current_timezone": simple(Form((), VARCHAR, "'UTC'")),
    "date_add": _date_add,
    "date_diff": _date_diff,
    "date_trunc": _date_trunc,
    "last_day_of_month": _last_day,
    "date": _date,
    "current_date": _current("date"),
    "localtimestamp": _current("local"),
    "current_timestamp": _current("zoned"),
    "now": _current("zoned"),
    "from_unixtime": _from_unixtime,
    "to_unixtime": _to_unixtime,
    "to_milliseconds": _to_milliseconds,
}
