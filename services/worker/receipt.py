"""The receipt: what was converted against what the engine reads back from the staged table, figure by figure.

The worker runs no SQL. It writes queries for the query service and compares their one row each with its own statistics; of an append
with those of the version before as well, so that `…_in` is all that the table should hold and `…_out` all that it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from services.shared.clock import rfc3339, utc_now
from services.shared.sql.guard import DEFAULT_MAX_SQL_BYTES, MAX_WORDS, count_words
from services.shared.sql.names import quoted
from services.worker.csv.blocks import Counts
from services.worker.publish.statistics import SHOWN_CHARACTERS, Statistics, Unit

DOUBLE_EPSILON = 2.0**-52
_LARGEST_DECIMAL = 10**38
_LARGEST_BIGINT = 2**63
_DAYS = "date_diff('day', DATE '1970-01-01', {})"
_MILLISECONDS = "date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00', {})"

Row = Mapping[str, str | None]


@dataclass(frozen=True)
class Checked:
    """A column of the table: its contract, what the catalog says, and what should be in it."""

    name: str
    type: str
    catalog_type: str
    normalised: int
    expected: Statistics


@dataclass(frozen=True)
class Account:
    """Everything else that a receipt states: `counts` are this file's records, those not published among the rejected."""

    version: int
    counts: Counts
    rows_before: int
    differences: Sequence[Mapping[str, str | None]]
    bytes_scanned: int


def receipt_queries(database: str, table: str, columns: Sequence[Checked], *, rows: int) -> list[str]:
    """Return the SQL that reads every figure, in as few statements as the guard takes."""
    head, tail = "SELECT count(*) AS n", f" FROM {quoted(database)}.{quoted(table)}"
    statements, body = [], ""
    room = bytes_left, words_left = DEFAULT_MAX_SQL_BYTES - len((head + tail).encode()), MAX_WORDS - count_words(head + tail)
    for position, column in enumerate(columns):
        wanted = "".join(f", {expression} AS {name}" for name, expression in _figures(position, column, rows))
        size, words = len(wanted.encode()), count_words(wanted)
        if body and (size > bytes_left or words > words_left):
            statements.append(head + body + tail)
            body, (bytes_left, words_left) = "", room
        body, bytes_left, words_left = body + wanted, bytes_left - size, words_left - words
    return [*statements, head + body + tail]


def read_figures(answers: Sequence[Row], columns: Sequence[Checked], *, rows: int) -> tuple[int, list[Statistics]]:
    """Return the table's row count and each column's statistics from the statements' rows."""
    merged: dict[str, str | None] = {}
    for answer in answers:
        merged |= answer
    counts = {int(answer["n"] or 0) for answer in answers}
    found = [_statistics(position, column, merged, rows) for position, column in enumerate(columns)]
    return (counts.pop() if len(counts) == 1 else -1), found


def write_receipt(account: Account, columns: Sequence[Checked], catalog_rows: int, found: Sequence[Statistics]) -> dict[str, Any]:
    """Return the receipt as the API shows it."""
    counts, rows = account.counts, account.rows_before + account.counts.records
    lines = [_line(column, out, rows) for column, out in zip(columns, found, strict=True)]
    return {
        "version": account.version,
        "records_in": sum(getattr(counts, field.name) for field in fields(Counts)),
        "header_records": counts.header_records,
        "preamble_records": counts.preamble_records,
        "comment_records": counts.comment_records,
        "blank_records": counts.blank_records,
        "rejected_records": counts.rejected_records,
        "published_rows": counts.records,
        "rows_before": account.rows_before,
        "catalog_rows": catalog_rows,
        "balanced": catalog_rows == rows and all(line["equal"] for line in lines),
        "columns": lines,
        "crawler_diff": list(account.differences),
        "bytes_scanned": account.bytes_scanned,
        "checked_at": rfc3339(utc_now()),
    }


def first_difference(receipt: Mapping[str, Any]) -> str:
    """Say what is wrong with a receipt that does not balance."""
    expected = receipt["rows_before"] + receipt["published_rows"]
    if receipt["catalog_rows"] != expected:
        return f"The table has {receipt['catalog_rows']} rows where {expected} were written."
    for line in receipt["columns"]:
        if line["catalog_type"] != line["type"]:
            return f"The column {line['name']} is a {line['catalog_type']} in the catalog and a {line['type']} in the contract."
        for figure in ("nulls", "min", "max", "sum"):
            if not line["equal"] and line[f"{figure}_in"] != line[f"{figure}_out"]:
                return f"The {figure} of the column {line['name']} is {line[f'{figure}_out']!r} where {line[f'{figure}_in']!r} was written."
    return "The values of a column are not those that were written."


def _line(column: Checked, out: Statistics, rows: int) -> dict[str, Any]:
    expected = column.expected
    line: dict[str, Any] = {"name": column.name, "type": column.type, "catalog_type": column.catalog_type}
    for side, figures in (("in", expected), ("out", out)):
        line[f"nulls_{side}"] = figures.nulls
        line[f"min_{side}"] = _shown(column.type, figures.low)
        line[f"max_{side}"] = _shown(column.type, figures.high)
        line[f"sum_{side}"] = _shown_sum(column.type, figures.total)
    line["normalised"] = column.normalised
    line["equal"] = column.catalog_type == column.type and _equal(column.type, expected, out, rows)
    return line


def _equal(type_: str, expected: Statistics, out: Statistics, rows: int) -> bool:
    names = ("nulls", "low", "high", "nan", "infinite", "minus_infinite")
    if any(getattr(expected, name) != getattr(out, name) for name in names):
        return False
    if type_ == "double" or not _sum_fits(type_, expected, rows):
        if expected.overflow or expected.total is None or out.total is None:
            return expected.overflow or expected.total == out.total
        magnitude = expected.magnitude if type_ == "double" else float(_bound(expected, rows))
        return abs(float(expected.total) - float(out.total)) <= rows * DOUBLE_EPSILON * magnitude
    return expected.total == out.total


def _figures(position: int, column: Checked, rows: int) -> Iterator[tuple[str, str]]:
    name = quoted(column.name)
    yield f"u{position}", f"count(*) - count({name})"
    low, high, total = f"min({name})", f"max({name})", f"sum({name})"
    match column.type:
        case "boolean":
            yield f"s{position}", f"count_if({name})"
            return
        case "bigint":
            total = _exact_sum(name, column.expected, rows)
        case "double":
            finite = f"CASE WHEN is_finite({name}) THEN {name} END"
            low, high, total = f"min({finite})", f"max({finite})", f"sum({finite})"
            yield f"a{position}", f"count_if(is_nan({name}))"
            yield f"p{position}", f"count_if(is_infinite({name}) AND {name} > 0)"
            yield f"m{position}", f"count_if(is_infinite({name}) AND {name} < 0)"
        case "date":
            low, high, total = _DAYS.format(low), _DAYS.format(high), f"sum({_DAYS.format(name)})"
        case "timestamp":
            low, high = _MILLISECONDS.format(low), _MILLISECONDS.format(high)
            total = _exact_sum(_MILLISECONDS.format(name), column.expected, rows)
        case "string" if column.expected.longest <= SHOWN_CHARACTERS:
            total = f"sum(length({name}))"
        case "string":
            shown = f"substr({name}, 1, {SHOWN_CHARACTERS})"
            low, high, total = f"min({shown})", f"max({shown})", f"sum(length({name}))"
        case _ if not _sum_fits(column.type, column.expected, rows):
            total = f"sum(CAST({name} AS double))"
    yield f"l{position}", low
    yield f"h{position}", high
    if not column.expected.overflow:
        yield f"s{position}", total


def _exact_sum(expression: str, expected: Statistics, rows: int) -> str:
    """Sum whole numbers as what can't overflow: bigint where the written values can't, else decimals, which cost twice as much."""
    return f"sum({expression})" if _bound(expected, rows) < _LARGEST_BIGINT else f"sum(CAST({expression} AS decimal(38,0)))"


def _statistics(position: int, column: Checked, row: Row, rows: int) -> Statistics:
    values = {letter: row.get(f"{letter}{position}") for letter in "ulhsapm"}
    nulls = int(values["u"] or 0)
    if column.type == "boolean":
        trues, count = int(values["s"] or 0), int(row["n"] or 0) - nulls
        return Statistics(nulls, None if not count else int(trues == count), None if not count else int(trues > 0), trues if count else None)
    read: Callable[[str], int | float | str] = {"string": str, "double": float}.get(column.type, partial(_whole, column.type))
    return Statistics(
        nulls=nulls,
        low=None if values["l"] is None else read(values["l"]),
        high=None if values["h"] is None else read(values["h"]),
        total=None if values["s"] is None else _total(column, values["s"], rows),
        overflow=column.expected.overflow,
        nan=int(values["a"] or 0),
        infinite=int(values["p"] or 0),
        minus_infinite=int(values["m"] or 0),
    )


def _whole(type_: str, text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(_scale(type_), "0"))


def _total(column: Checked, text: str, rows: int) -> int | float:
    if column.type == "double" or not _sum_fits(column.type, column.expected, rows):
        return float(text) * 10.0 ** _scale(column.type)
    return int(text) if column.type == "string" else _whole(column.type, text)


def _scale(type_: str) -> int:
    return int(type_.rstrip(")").split(",")[1]) if type_.startswith("decimal") else 0


def _sum_fits(type_: str, expected: Statistics, rows: int) -> bool:
    """Tell whether the engine's sum, a decimal of 38 digits, can't overflow; else doubles are summed, within their tolerance."""
    return not type_.startswith("decimal") or _bound(expected, rows) < _LARGEST_DECIMAL


def _bound(expected: Statistics, rows: int) -> int:
    return max(abs(int(expected.low or 0)), abs(int(expected.high or 0))) * rows


def _shown(type_: str, unit: Unit) -> float | str | None:
    if unit is None or isinstance(unit, str | float):
        return unit
    match type_:
        case "boolean":
            return "true" if unit else "false"
        case "date":
            return (date(1970, 1, 1) + timedelta(days=unit)).isoformat()
        case "timestamp":
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=unit)
            return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")
    return _plain(type_, unit)


def _shown_sum(type_: str, total: float | None) -> float | str | None:
    return total if total is None or isinstance(total, float) else _plain(type_, total)


def _plain(type_: str, unit: int) -> str:
    scale = _scale(type_)
    if not scale:
        return str(unit)
    digits = str(abs(unit)).rjust(scale + 1, "0")
    return f"{'-' if unit < 0 else ''}{digits[:-scale]}.{digits[-scale:]}"
