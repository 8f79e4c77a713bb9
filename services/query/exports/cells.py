"""Columns of text as the cells of a spreadsheet (ECMA-376), by the column's type and without the loss of a digit.

A spreadsheet's numbers are doubles and show fifteen digits, its dates begin in March 1900 where they can be trusted, and XML has no
control characters: a value that would change on the way stays text, and a character that XML can't hold becomes `_xHHHH_`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from services.query.exports.texts import join, patched
from services.shared.errors import SpreadsheetLimit

MAX_CELL_UNITS = 32_767  # https://support.microsoft.com/office/excel-specifications-and-limits
_MAX_DIGITS = 15
_SMALLEST = 2.2250738585072014e-308
_DAYS_BEFORE_1970 = 25_569
_MS_A_DAY = 86_400_000
_FIRST_DAY = "1900-03-01"
_DAY, _MOMENT = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]{12}( UTC)?$"
_TO_ESCAPE = r"[&<>\x00-\x08\x0b-\x1f\x{fffe}\x{ffff}]|_x[0-9A-Fa-f]{4}_|^\s|\s$|\n"
_LIKE_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
_TEXT = "@"

Numbers = Callable[[Any], tuple[Any, Any]]


@dataclass(frozen=True)
class CellKind:
    """How a column's cells look: their number format, their width in characters, and which of them are no text."""

    format: str
    width: int
    numbers: Numbers | None = None
    mark: str = ""


def cell_kind(athena: str) -> CellKind:
    """Return the cells of an Athena type; what a spreadsheet has no type for is text."""
    match athena.split("(")[0].split("<")[0]:
        case "boolean":
            return CellKind("General", 10, _booleans, ' t="b"')
        case "tinyint" | "smallint" | "int" | "integer" | "bigint":
            return CellKind("0", 12, _whole)
        case "decimal":
            scale = int(athena.rstrip(")").split(",")[1]) if "," in athena else 0
            return CellKind("0." + "0" * scale if 0 < scale <= _MAX_DIGITS else "0" if scale == 0 else "General", 14, _whole)
        case "double" | "float" | "real":
            return CellKind("General", 14, _doubles)
        case "date":
            return CellKind("yyyy-mm-dd", 12, _days)
        case "timestamp":
            return CellKind("yyyy-mm-dd hh:mm:ss.000", 24, _moments)
        case "timestamp with time zone":
            return CellKind('yyyy-mm-dd hh:mm:ss.000" UTC"', 28, _moments)
        case _:
            return CellKind(_TEXT, 16)


def cells(texts: Any, kind: CellKind, *, before: str, style: str, numbers: Any) -> Any:
    """Return the cells of a column's rows as XML, NULL where there is none; `before` is all up to the row's number."""
    if kind.numbers is None:
        return _text_cells(texts, before=before, style=style, numbers=numbers)
    fits, values = kind.numbers(texts)
    found = join([before, numbers, f'"{style}{kind.mark}><v>', values, "</v></c>"])
    if pc.all(fits).as_py() is not False:
        return found
    return pc.if_else(fits, found, _text_cells(texts, before=before, style=style, numbers=numbers))


def check_lengths(texts: Any, *, name: str, first_row: int) -> None:
    """Raise SpreadsheetLimit for a text that no cell can hold, with its row, counted from 1."""
    if (pc.max(pc.binary_length(texts)).as_py() or 0) <= MAX_CELL_UNITS:
        return
    for number, text in enumerate(texts.to_pylist()):
        units = len(text.encode("utf-16-le")) // 2 if text is not None else 0
        if units > MAX_CELL_UNITS:
            raise SpreadsheetLimit(
                f'Row {first_row + number} of the column "{name[:100]}" has a text of {units} characters; a cell of a spreadsheet holds '
                f"{MAX_CELL_UNITS}. Download the result as csv, jsonl or parquet, which have no such limit."
            )


def _text_cells(texts: Any, *, before: str, style: str, numbers: Any) -> Any:
    plain = join(["<t>", texts, "</t>"])
    return join([before, numbers, f'"{style} t="inlineStr"><is>', patched(texts, _TO_ESCAPE, _escaped, base=plain), "</is></c>"])


def _escaped(text: str) -> str:
    """Write a text as XML; what looks like an escaped character already has its underscore escaped."""
    text = _CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", _LIKE_ESCAPED.sub("_x005F_", text))
    return f'<t xml:space="preserve">{text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}</t>'


def _booleans(texts: Any) -> tuple[Any, Any]:
    return pc.is_valid(texts), pc.if_else(pc.equal(texts, "true"), "1", "0")


def _whole(texts: Any) -> tuple[Any, Any]:
    """Numbers of at most fifteen significant digits."""
    if (pc.max(pc.binary_length(texts)).as_py() or 0) <= _MAX_DIGITS:
        return pc.is_valid(texts), texts
    figures = pc.ascii_trim(pc.replace_substring(texts, ".", ""), characters="-0")
    return pc.less_equal(pc.binary_length(figures), _MAX_DIGITS), texts


def _doubles(texts: Any) -> tuple[Any, Any]:
    """All but NaN, the infinities, and numbers so small that a spreadsheet makes them zero."""
    values = texts.cast(pa.float64())
    usual = pc.or_(pc.equal(values, 0.0), pc.greater_equal(pc.abs(values), _SMALLEST))
    return pc.and_(pc.is_finite(values), usual), texts


def _days(texts: Any) -> tuple[Any, Any]:
    fits = pc.and_(pc.match_substring_regex(texts, _DAY), pc.greater_equal(texts, _FIRST_DAY))
    days = pc.if_else(fits, texts, None).cast(pa.date32()).cast(pa.int32())
    return fits, pc.add(days, _DAYS_BEFORE_1970).cast(pa.string())


def _moments(texts: Any) -> tuple[Any, Any]:
    """Days since Excel's beginning; a millisecond is about twenty thousand times the smallest step there."""
    fits = pc.and_(pc.match_substring_regex(texts, _MOMENT), pc.greater_equal(texts, _FIRST_DAY))
    moments = pc.replace_substring(pc.if_else(fits, texts, None), " UTC", "").cast(pa.timestamp("ms")).cast(pa.int64())
    days = pc.divide(pc.add(moments, _DAYS_BEFORE_1970 * _MS_A_DAY).cast(pa.float64()), float(_MS_A_DAY))
    return fits, days.cast(pa.string())
