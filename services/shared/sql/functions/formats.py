"""Dates as text: MySQL's letters (date_format, date_parse) and Joda's (format_datetime) (docs: functions/datetime)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from services.shared.sql.bound import Bound, failure, refusal, unsupported
from services.shared.sql.call import Call, Functions
from services.shared.sql.names import text
from services.shared.sql.types import DATE, MOMENTS, TIMESTAMP, TIMESTAMP_TZ, VARCHAR, Kind
from services.shared.sql.zones import in_zone, local, offset_minutes, zone_of

_WRITE = {
    "a": "%a", "b": "%b", "c": "%-m", "d": "%d", "e": "%-d", "f": "%f", "H": "%H", "h": "%I", "I": "%I", "i": "%M", "j": "%j", "k": "%-H",
    "l": "%-I", "M": "%B", "m": "%m", "p": "%p", "r": "%I:%M:%S %p", "S": "%S", "s": "%S", "T": "%H:%M:%S", "v": "%V", "W": "%A",
    "x": "%G", "Y": "%Y", "y": "%y", "%": "%%",
}  # fmt: skip
_READ = {k: v for k, v in _WRITE.items() if k in "bcdeHhIiklMmprSsTY%"}
_JODA = {
    "yyyy": "%Y", "yy": "%y", "MM": "%m", "M": "%-m", "MMM": "%b", "MMMM": "%B", "dd": "%d", "d": "%-d", "HH": "%H", "H": "%-H", "hh": "%I",
    "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S", "SSS": "%g", "a": "%p", "E": "%a", "EEE": "%a", "EEEE": "%A", "DDD": "%j",
}  # fmt: skip
_JODA_READ = {
    k: v for k, v in _JODA.items() if k in ("yyyy", "MM", "M", "MMM", "MMMM", "dd", "d", "HH", "H", "hh", "h", "mm", "m", "ss", "s", "SSS", "a")
}


def mysql_format(pattern: str, letters: dict[str, str], call: Call) -> str:
    """Translate MySQL's letters; one without a counterpart is refused by name."""

    def letter(match: re.Match[str]) -> str:
        word = match[0]
        if not word.startswith("%"):
            return word
        if word[1:] not in letters:
            raise unsupported(f"{call.name} with {word}", call.node)
        return letters[word[1:]]

    return re.sub(r"%.?|[^%]+", letter, pattern, flags=re.DOTALL)


def _date_format(call: Call) -> Bound:
    call.need(2)
    moment = call.arg(0)
    if moment.type.kind not in MOMENTS:
        raise call.mismatch(f"date_format takes a date or a timestamp, not {moment.type}")
    return Bound(f"strftime({local(moment)}, {text(mysql_format(call.text(1, 'format'), _WRITE, call))})", VARCHAR)


def _date_parse(call: Call) -> Bound:
    call.need(2)
    pattern = mysql_format(call.text(1, "format"), _READ, call)
    return Bound(f"CAST(strptime({call.typed(0, VARCHAR).sql}, {text(pattern)}) AS TIMESTAMP)", TIMESTAMP)


def _format_datetime(call: Call) -> Bound:
    call.need(2)
    moment = call.arg(0)
    if moment.type.kind not in MOMENTS:
        raise call.mismatch(f"format_datetime takes a date or a timestamp, not {moment.type}")
    return Bound(f"strftime({local(moment)}, {text(_joda_format(call, _JODA))})", VARCHAR)


def _joda_format(call: Call, letters: Mapping[str, str]) -> str:
    written = ""
    for match in re.finditer(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+|'", call.text(1, "format")):
        word = match[0]
        if match[1]:
            if word not in letters:
                raise unsupported(f"{call.name} with {word}", call.node)
            written += letters[word]
        else:
            plain = ("'" if word == "''" else word[1:-1].replace("''", "'")) if word.startswith("'") else word
            written += plain.replace("%", "%%")
    return written


def _parse_datetime(call: Call) -> Bound:
    """Without a zone in the pattern the session's zone is meant, UTC."""
    call.need(2)
    return Bound(f"CAST(strptime({call.typed(0, VARCHAR).sql}, {text(_joda_format(call, _JODA_READ))}) AS TIMESTAMP)", TIMESTAMP_TZ)


def _to_iso8601(call: Call) -> Bound:
    call.need(1)
    value = call.arg(0)
    if value.type.kind not in MOMENTS:
        raise call.mismatch(f"to_iso8601 takes a date or a timestamp, not {value.type}")
    if value.type == DATE:
        return Bound(f"CAST({value.sql} AS VARCHAR)", VARCHAR)
    written = f"strftime({local(value)}, '%Y-%m-%dT%H:%M:%S.%g')"
    if value.type.kind is Kind.TIMESTAMP:
        return Bound(written, VARCHAR)
    if zone_of(value.type) == "UTC":
        return Bound(f"({written} || 'Z')", VARCHAR)
    ahead = offset_minutes(value)
    sign = f"CASE WHEN {ahead} < 0 THEN '-' ELSE '+' END"
    clock = f"lpad(CAST(abs({ahead}) // 60 AS VARCHAR), 2, '0') || ':' || lpad(CAST(abs({ahead}) % 60 AS VARCHAR), 2, '0')"
    return Bound(f"({written} || {sign} || {clock})", VARCHAR)


_ISO_DATE = r"\d{4}-\d{2}-\d{2}"
_ISO_CLOCK = r"T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?"


def _from_iso8601_date(call: Call) -> Bound:
    call.need(1)
    value = call.typed(0, VARCHAR).sql
    forms = ((_ISO_DATE, "%Y-%m-%d"), (r"\d{4}-W\d{2}-\d", "%G-W%V-%u"), (r"\d{4}-\d{3}", "%Y-%j"))
    read = " ".join(f"WHEN regexp_full_match({value}, {text(shape)}) THEN CAST(strptime({value}, '{form}') AS DATE)" for shape, form in forms)
    other = failure(f"{text('from_iso8601_date cannot read ')} || substring({value}, 1, 100)", DATE)
    return Bound(f"(CASE WHEN {value} IS NULL THEN NULL {read} ELSE {other} END)", DATE)


def _from_iso8601_timestamp(call: Call) -> Bound:
    """A text without an offset is in the session's zone, UTC; an offset becomes the value's zone, which only a literal tells."""
    call.need(1)
    value = call.typed(0, VARCHAR)
    sql, zone = value.sql, "UTC"
    if value.string is not None and (match := re.fullmatch(rf"({_ISO_DATE}{_ISO_CLOCK})([+-]\d{{2}}:\d{{2}})", value.string)):
        sql, zone = text(match[1]), match[4]
    plain = f"regexp_replace(replace({sql}, 'T', ' '), 'Z$', '')"
    other = failure(f"{text('from_iso8601_timestamp cannot read ')} || substring({sql}, 1, 100)", TIMESTAMP)
    offset = refusal("from_iso8601_timestamp of a text with an offset that is no literal", TIMESTAMP)
    read = (
        f"(CASE WHEN {sql} IS NULL THEN NULL WHEN regexp_full_match({sql}, {text(f'{_ISO_DATE}({_ISO_CLOCK})?Z?')}) "
        f"THEN CAST(CASE WHEN regexp_matches({plain}, ' \\d\\d:\\d\\d$') THEN {plain} || ':00' ELSE {plain} END AS TIMESTAMP) "
        f"WHEN regexp_matches({sql}, '[+-]\\d\\d:?\\d*$') THEN {offset} ELSE {other} END)"
    )
    return in_zone(read, zone)


FUNCTIONS: Functions = {
    "date_format": _date_format,
    "date_parse": _date_parse,
    "format_datetime": _format_datetime,
    "parse_datetime": _parse_datetime,
    "to_iso8601": _to_iso8601,
    "from_iso8601_date": _from_iso8601_date,
    "from_iso8601_timestamp": _from_iso8601_timestamp,
}
