"""Literals: numbers, texts, bytes, moments and intervals as they are written in a statement (docs: language/types)."""

from __future__ import annotations

import re
from dataclasses import replace

from sqlglot import exp

from services.shared.sql.bound import Bound, Literal, integer, invalid, string, unsupported
from services.shared.sql.casts import cast
from services.shared.sql.names import text
from services.shared.sql.types import (
    BIGINT,
    DATE,
    DAYS,
    DOUBLE,
    INTEGER,
    INTERVALS,
    MONTHS,
    TIMESTAMP,
    VARBINARY,
    Kind,
    Type,
    decimal,
    duckdb_type,
)
from services.shared.sql.zones import in_zone, is_zone

_UNITS = {"SECOND": 1000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000, "WEEK": 7 * 86_400_000}
_MONTH_UNITS = {"YEAR": 12, "QUARTER": 3, "MONTH": 1}
_CLOCK = re.compile(r"([+-]?)(\d{1,9}) (\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,3}))?)?")
_MOMENT = re.compile(r"(\d{4}-\d{1,2}-\d{1,2})(?: (\d{1,2}:\d{1,2})(:\d{1,2}(?:\.\d{1,3})?)?)?(?: ?([A-Za-z][\w/+-]*|[+-]\d{2}:\d{2}))?")


def literal(node: exp.Expr) -> Bound:
    """Bind a number or a text."""
    word = str(node.this)
    if node.args.get("is_string"):
        return string(word)
    if re.fullmatch(r"[0-9]+", word):
        value = int(word)
        if value >= 1 << 63:
            raise invalid(f"{word} is larger than a bigint", node)
        return integer(value, INTEGER if value < 1 << 31 else BIGINT)
    if re.fullmatch(r"[0-9]*\.[0-9]*", word):
        return _decimal(word, node)
    if re.fullmatch(r"([0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]+", word):
        return _number(word, DOUBLE)
    raise unsupported(f"The literal {word[:40]}", node)


def typed(word: str, target: Type, node: exp.Expr) -> Bound | None:
    """Bind `DATE '…'`, `TIMESTAMP '…'` and a cast of a text literal to them; None for another type."""
    if target.kind in (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMP_TZ):
        return _moment(word, target, node)
    return None


def decimal_literal(word: str, node: exp.Expr) -> Bound:
    """Bind `DECIMAL '1.10'`: its precision and scale are those of its digits."""
    match = re.fullmatch(r"([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)", word)
    if match is None:
        raise invalid(f"{word[:40]!r} is no decimal", node)
    value = _decimal(match[2], node)
    return Bound(f"(-{value.sql})", value.type) if match[1] == "-" else value


def _decimal(word: str, node: exp.Expr) -> Bound:
    whole, _, places = word.partition(".")
    whole = whole.lstrip("0")
    precision = max(1, len(whole) + len(places))
    if precision > 38:
        raise invalid(f"{word} has more than 38 digits", node)
    return _number(f"{whole or '0'}.{places or '0'}", decimal(precision, len(places)))


def _number(word: str, kind: Type) -> Bound:
    return Bound(f"CAST('{word}' AS {duckdb_type(kind)})", kind, Literal(f"'{word}'"))


def unicode_text(node: exp.Expr) -> Bound:
    r"""Bind `U&'… \2603'`."""
    if node.args.get("escape"):
        raise unsupported("U&'…' with UESCAPE", node)

    def character(match: re.Match[str]) -> str:
        digits = match[1] or match[2]
        if digits is None and match[0] != "\\\\":
            raise invalid(f"{str(node.this)[:40]!r} has an escape that is none", node)
        return chr(int(digits, 16)) if digits else "\\"

    return string(re.sub(r"\\\+([0-9A-Fa-f]{6})|\\([0-9A-Fa-f]{4})|\\.?", character, str(node.this)))


def bytes_literal(node: exp.Expr) -> Bound:
    """Bind `X'65683F'`; sqlglot reads `0x…` as the same, which the guard has refused."""
    digits = "".join(str(node.this).split())
    if not re.fullmatch(r"(?:[0-9A-Fa-f]{2})*", digits):
        raise invalid(f"X'{digits[:40]}' is not made of pairs of hexadecimal digits", node)
    return Bound(f"unhex({text(digits)})", VARBINARY)


def interval_of(amount: int, kind: Type) -> Bound:
    """Return an interval of milliseconds or months."""
    return replace(integer(amount, BIGINT), type=kind)


def interval(node: exp.Expr) -> Bound:
    """Bind INTERVAL; both its forms, one unit or from one to another."""
    unit, amount = node.args.get("unit"), node.this
    negative = isinstance(amount, exp.Neg)
    word = str((amount.this if negative else amount).this) if amount is not None else ""
    if isinstance(unit, exp.IntervalSpan):
        span = f"{unit.this.name} TO {unit.expression.name}".upper()
        value = _span(word, span)
    else:
        value = _one_unit(word, str(unit.name).upper() if isinstance(unit, exp.Var) else "", node)
    if value is None:
        raise unsupported(f"INTERVAL {word[:40]!r} of this form", node)
    return interval_of(-(value.number or 0), value.type) if negative else value


def _one_unit(word: str, unit: str, node: exp.Expr) -> Bound | None:
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", word):
        return None
    if unit in _MONTH_UNITS:
        return interval_of(int(word) * _MONTH_UNITS[unit], MONTHS)
    if unit not in _UNITS:
        raise unsupported(f"INTERVAL … {unit}", node)
    return interval_of(int(word) * _UNITS[unit], DAYS)


def _span(word: str, span: str) -> Bound | None:
    if span == "YEAR TO MONTH" and (match := re.fullmatch(r"([+-]?)(\d{1,6})-(\d{1,2})", word)):
        months = int(match[2]) * 12 + int(match[3])
        return interval_of(-months if match[1] == "-" else months, MONTHS)
    match = _CLOCK.fullmatch(word)
    if match is None or span not in ("DAY TO SECOND", "DAY TO MINUTE"):
        return None
    day, hour, minute, second = (int(part or 0) for part in match.group(2, 3, 4, 5))
    amount = ((day * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + int((match[6] or "0").ljust(3, "0"))
    return interval_of(-amount if match[1] == "-" else amount, DAYS)


def interval_text(value: Bound) -> str:
    """Return the text of an interval as Trino shows it: `2 03:00:00.000`, `3-5`."""
    size = f"abs({value.sql})"
    sign = f"CASE WHEN {value.sql} < 0 THEN '-' ELSE '' END"
    if value.type not in (DAYS, MONTHS) or value.type.kind not in INTERVALS:
        raise unsupported(f"{value.type} as a text")
    if value.type == MONTHS:
        return f"({sign} || CAST({size} // 12 AS VARCHAR) || '-' || CAST({size} % 12 AS VARCHAR))"
    parts = [f"CAST({size} // 86400000 AS VARCHAR) || ' '"]
    parts += [f"lpad(CAST({size} // {unit} % {most} AS VARCHAR), 2, '0')" for unit, most in ((3_600_000, 24), (60_000, 60), (1000, 60))]
    clock = " || ':' || ".join(parts[1:])
    return f"({sign} || {parts[0]} || {clock} || '.' || lpad(CAST({size} % 1000 AS VARCHAR), 3, '0'))"


def _moment(word: str, target: Type, node: exp.Expr) -> Bound:
    match = _MOMENT.fullmatch(word.strip())
    if match is None or (target == DATE and (match[2] or match[4])):
        if re.search(r"\.\d{4,}", word):
            raise unsupported(f"The literal {word[:60]!r} (timestamps hold milliseconds)", node)
        raise invalid(f"{word[:60]!r} is no {target}", node)
    if target == DATE:
        return Bound(f"CAST({text(match[1])} AS DATE)", DATE)
    moment = Bound(f"CAST({text(match[1] + ' ' + (match[2] or '00:00') + (match[3] or ':00'))} AS TIMESTAMP)", TIMESTAMP)
    if match[4] is None:
        return moment if target == TIMESTAMP else cast(moment, target, lenient=False, node=node)
    if not is_zone(match[4]):
        raise invalid(f"{match[4]!r} is no time zone", node)
    return in_zone(moment.sql, match[4])
