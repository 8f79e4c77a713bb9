"""The workbook around the rows: XlsxWriter makes it with its headers and formats and no data, and says where the rows go."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zipfile import ZipFile

import xlsxwriter

from services.query.exports.cells import CellKind

_SHEET = "xl/worksheets/sheet"
_STYLE = re.compile(r'<c r="[A-Z]+[0-9]+"( s="[0-9]+")?/>')
_DIMENSION = re.compile(r'(<dimension ref="A1:[A-Z]+)[0-9]+("/>)')
_MOST_WIDTH = 40


@dataclass(frozen=True)
class Frame:
    """A sheet without its rows: what comes before them, what comes after, and the style of each column's cells."""

    head: bytes
    tail: bytes
    styles: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class Part:
    """A part of the package, in its order: its bytes, or the sheet that is still to be filled."""

    name: str
    content: bytes
    frame: Frame | None = None


def make_parts(names: Sequence[str], kinds: Sequence[CellKind], sheets: Sequence[int], *, made_at: datetime) -> Iterator[Part]:
    """Yield the parts of a workbook with sheets of so many rows below a header that is bold, frozen and filters."""
    with ZipFile(_empty_workbook(names, kinds, sheets, made_at)) as archive:
        for info in archive.infolist():
            content = archive.read(info)
            if not info.filename.startswith(_SHEET):
                yield Part(info.filename, content)
                continue
            number = int(info.filename.removeprefix(_SHEET).removesuffix(".xml"))
            yield Part(info.filename, b"", _frame(content.decode(), sheets[number - 1]))


def _empty_workbook(names: Sequence[str], kinds: Sequence[CellKind], sheets: Sequence[int], made_at: datetime) -> io.BytesIO:
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made, {"in_memory": True})
    book.set_properties({"created": made_at.replace(tzinfo=None, microsecond=0)})
    bold = book.add_format({"bold": True})
    formats = {kind.format: book.add_format({"num_format": kind.format}) for kind in kinds}
    for number, rows in enumerate(sheets, 1):
        sheet = book.add_worksheet("Result" if number == 1 else f"Result {number}")
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, rows, len(names) - 1)
        for column, (name, kind) in enumerate(zip(names, kinds, strict=True)):
            sheet.set_column(column, column, max(kind.width, min(len(name) + 3, _MOST_WIDTH)))
            sheet.write_string(0, column, name, bold)
            sheet.write_blank(1, column, None, formats[kind.format])
    book.close()
    return made


def _frame(sheet: str, rows: int) -> Frame:
    """Take the row of blank cells out, which only showed the columns' styles, and name the last row that there will be."""
    sheet = _DIMENSION.sub(rf"\g<1>{rows + 1}\g<2>", sheet, count=1)
    begin = sheet.index("</row>") + len("</row>")
    end = sheet.index("</sheetData>")
    return Frame(sheet[:begin].encode(), sheet[end:].encode(), tuple(found[1] or "" for found in _STYLE.finditer(sheet, begin, end)), rows)
