"""An independent profile in plain Python, cell by cell: csv.md's rules with regular expressions, Decimal and datetime."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from math import isfinite

from services.worker.profile.model import ColumnProfile

TOKENS = ("NA", "N/A", "null", "NULL", "None", "-")
PLAIN = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|\.[0-9]+)")
FLOATING = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
STAMP = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,15}))?)?(Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII)
CANDIDATES = ("boolean", "bigint", "decimal", "double", "date", "timestamp")


@dataclass(frozen=True)
class Expected:
    """What the profile must say of a column."""

    type: str
    nulls: int
    empty: int
    distinct: int
    min: object
    max: object
    min_length: int | None
    max_length: int | None
    fails: dict[str, int]
    first_failures: dict[str, list[int]]
    normalised: int


def expect(cells: Sequence[str | None]) -> Expected:
    """Profile one column."""
    present = [cell for cell in cells if cell is not None]
    typed = [(row, cell) for row, cell in enumerate(cells) if cell is not None and cell != "" and cell not in TOKENS]
    passed = {name: [_is(name, cell) for _, cell in typed] for name in CANDIDATES if name != "timestamp"}
    local = [_stamp(cell) is not None and _zone(cell) is None for _, cell in typed]
    zoned = [_stamp(cell) is not None and _zone(cell) is not None for _, cell in typed]
    passed["timestamp"] = local if sum(local) >= sum(zoned) else zoned
    before, after = _digits([cell for (_, cell), fits in zip(typed, passed["decimal"], strict=True) if fits])
    fails = {name: mask.count(False) for name, mask in passed.items()}
    kind = next((name for name in CANDIDATES if typed and not fails[name] and (name != "decimal" or before + after <= 38)), "string")
    values = [cell for _, cell in typed] if kind != "string" else present
    scale = after if kind == "decimal" else 0
    name = f"decimal({min(38, max(1, before) + after)},{after})" if kind == "decimal" else kind
    low, high = _ends(kind, values, scale)
    return Expected(
        type=name,
        nulls=len(cells) - len(values),
        empty=present.count(""),
        distinct=len(set(values)),
        min=low,
        max=high,
        min_length=min(map(len, present), default=None),
        max_length=max(map(len, present), default=None),
        fails=fails,
        first_failures={name: [row for (row, _), fits in zip(typed, mask, strict=True) if not fits][:5] for name, mask in passed.items()},
        normalised=sum(_changes(kind, value, scale) for value in values),
    )


def agree(found: ColumnProfile, expected: Expected) -> None:
    """Hold a column's profile against the oracle's."""
    fails = {name.partition("(")[0]: cast for name, cast in found.casts.items() if "%" not in name}
    if found.format is None:
        assert found.type == expected.type
        assert (found.nulls, found.distinct, found.distinct_is_exact) == (expected.nulls, expected.distinct, True)
        assert (found.min, found.max) == (expected.min, expected.max)
        assert found.normalised == expected.normalised
    assert (found.empty, found.min_length, found.max_length) == (expected.empty, expected.min_length, expected.max_length)
    if expected.type.startswith("decimal") or expected.fails["decimal"]:
        assert fails["decimal"].fails >= expected.fails["decimal"]
    for name in ("boolean", "bigint", "double", "date", "timestamp"):
        assert fails[name].fails == expected.fails[name], name
        assert len(fails[name].first_failures) == len(expected.first_failures[name])


def _is(name: str, cell: str) -> bool:
    match name:
        case "boolean":
            return cell.isascii() and cell.lower() in ("true", "false")
        case "bigint":
            return bool(re.fullmatch(r"0|-?[1-9][0-9]*", cell)) and -(2**63) <= int(cell) < 2**63
        case "decimal":
            return bool(PLAIN.fullmatch(cell)) and sum(_digits([cell])) <= 38
        case "double":
            return _is_double(cell)
        case "date":
            return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", cell, re.ASCII)) and _date(cell) is not None
    raise AssertionError(name)


def _is_double(cell: str) -> bool:
    if cell.isascii() and cell.lower() in ("nan", "inf", "-inf", "infinity", "-infinity"):
        return True
    if not FLOATING.fullmatch(cell) or not isfinite(float(cell)):
        return False
    significant = re.split("[eE]", cell.lstrip("-"))[0].replace(".", "").strip("0")
    return len(significant) <= 17 and Decimal(repr(float(cell))) == Decimal(cell)


def _digits(cells: Sequence[str]) -> tuple[int, int]:
    parts = [cell.lstrip("-").partition(".") for cell in cells]
    return max((len(whole.lstrip("0")) for whole, _, _ in parts), default=0), max((len(part) for _, _, part in parts), default=0)


def _date(cell: str) -> date | None:
    try:
        return date.fromisoformat(cell)
    except ValueError:
        return None


def _zone(cell: str) -> str | None:
    found = STAMP.fullmatch(cell)
    return found[6] if found else None


def _stamp(cell: str) -> datetime | None:
    found = STAMP.fullmatch(cell)
    if not found or _date(found[1]) is None or int(found[2]) > 23 or int(found[3]) > 59 or int(found[4] or 0) > 59:
        return None
    fraction = (found[5] or "").rstrip("0")
    if len(fraction) > 3:
        return None
    moment = datetime.fromisoformat(found[1]) + timedelta(hours=int(found[2]), minutes=int(found[3]), seconds=int(found[4] or 0))
    moment += timedelta(milliseconds=int(fraction.ljust(3, "0")))
    if found[6] in (None, "Z"):
        return moment
    hours, minutes = int(found[6][1:3]), int(found[6][3:].removeprefix(":") or 0)
    if hours > 14 or minutes > 59:
        return None
    shift = timedelta(hours=hours, minutes=minutes)
    try:
        return moment + shift if found[6][0] == "-" else moment - shift
    except OverflowError:
        return None


def _ends(kind: str, values: Sequence[str], scale: int) -> tuple[object, object]:
    if not values:
        return None, None
    match kind:
        case "bigint":
            numbers = [int(value) for value in values]
            return str(min(numbers)), str(max(numbers))
        case "decimal":
            with localcontext() as context:
                context.prec = 90
                exact = [Decimal(value) for value in values]
                return tuple(format(end.quantize(Decimal(1).scaleb(-scale)) + 0, "f") for end in (min(exact), max(exact)))
        case "double":
            floats = [float(value) for value in values if value.lower() != "nan"]
            return (_json(min(floats)), _json(max(floats))) if floats else ("NaN", "NaN")
        case "timestamp":
            moments = [_stamp(value) for value in values]
            return tuple(end.isoformat(timespec="milliseconds" if end.microsecond else "seconds") for end in (min(moments), max(moments)))
        case "boolean":
            lowered = [value.lower() for value in values]
            return min(lowered), max(lowered)
    return min(values), max(values)


def _json(value: float) -> object:
    return value if isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def _changes(kind: str, value: str, scale: int) -> bool:
    match kind:
        case "boolean":
            return value not in ("true", "false")
        case "decimal":
            return len(value.partition(".")[2]) != scale or value.lstrip("-").startswith(".") or (value.startswith("-") and not Decimal(value))
        case "double":
            if not PLAIN.fullmatch(value):
                return "e" in value.lower()
            bare = value.lstrip("-").startswith(".") or (value.startswith("-") and not Decimal(value))
            return bare or ("." in value and value.endswith("0"))
        case "timestamp":
            found = STAMP.fullmatch(value)
            return found[6] is not None or found[4] is None or len(found[5] or "") not in (0, 3)
    return False
