"""Dates as text: MySQL's letters (date_format, date_parse) and Joda's (format_datetime) (docs: functions/datetime)."""

from __future__ import annotations

import re

from services.shared.sql.bound import Bound, unsupported
from services.shared.sql.call import Call, Functions
from services.shared.sql.names import text
from services.shared.sql.types import MOMENTS, TIMESTAMP, VARCHAR

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
    return Bound(f"strftime({moment.sql}, {text(mysql_format(call.text(1, 'format'), _WRITE, call))})", VARCHAR)


def _date_parse(call: Call) -> Bound:
    call.need(2)
    pattern = mysql_format(call.text(1, "format"), _READ, call)
    return Bound(f"CAST(strptime({call.typed(0, VARCHAR).sql}, {text(pattern)}) AS TIMESTAMP)", TIMESTAMP)


def _format_datetime(call: Call) -> Bound:
    call.need(2)
    moment = call.arg(0)
    if moment.type.kind not in MOMENTS:
        raise call.mismatch(f"format_datetime takes a date or a timestamp, not {moment.type}")
    written = ""
    for match in re.finditer(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+|'", call.text(1, "format")):
        word = match[0]
        if match[1]:
            if word not in _JODA:
                raise unsupported(f"format_datetime with {word}", call.node)
            written += _JODA[word]
        else:
            plain = ("'" if word == "''" else word[1:-1].replace("''", "'")) if word.startswith("'") else word
            written += plain.replace("%", "%%")
    return Bound(f"strftime({moment.sql}, {text(written)})", VARCHAR)


FUNCTIONS: Functions = {"date_format": _date_format, "date_parse": _date_parse, "format_datetime": _format_datetime}
