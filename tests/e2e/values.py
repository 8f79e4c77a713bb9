"""What the query API has to return for a cell of the file, in a column of a type: plain Python, nothing of the product."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from math import isinf, isnan

from tests.worker.profile.oracle import TOKENS

_ZONE = re.compile(r"(Z|[+-]\d\d(:?\d\d)?)$")


def expected(cell: str | None, kind: str, form: str | None) -> object:
    """Return the JSON value of a cell; `form` is the format of a date or timestamp that is not ISO 8601."""
    if kind == "string":
        return cell
    if cell is None or cell == "" or cell in TOKENS:
        return None
    match kind.partition("(")[0]:
        case "bigint":
            return str(int(cell))
        case "decimal":
            scale = int(kind.partition(",")[2].rstrip(")"))
            with localcontext() as context:
                context.prec = 90
                return format(Decimal(cell).quantize(Decimal(1).scaleb(-scale)) + 0, "f")
        case "double":
            return _double(float(cell))
        case "boolean":
            return cell.lower() == "true"
        case "date":
            return (datetime.strptime(cell, form) if form else datetime.fromisoformat(cell)).date().isoformat()
        case "timestamp":
            return _moment(cell, form).isoformat(timespec="milliseconds")
    raise AssertionError(kind)


def _double(value: float) -> object:
    if isnan(value):
        return "NaN"
    return ("Infinity" if value > 0 else "-Infinity") if isinf(value) else value


def _moment(cell: str, form: str | None) -> datetime:
    moment = datetime.strptime(cell, form) if form else datetime.fromisoformat(_as_python_reads(cell))
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _as_python_reads(cell: str) -> str:
    """Cut a fraction of zeros beyond microseconds."""
    head, dot, tail = cell.partition(".")
    zone = _ZONE.search(tail)
    digits = tail[: zone.start()] if zone else tail
    return f"{head}{dot}{digits[:6]}{zone.group() if zone else ''}"
