"""Results as they are stored: the CSV that Athena writes, an index of its rows, and what its columns are.

The CSV has a quoted header; every value is quoted with doubled quotes, NULL is bare, so NULL and the empty text stay apart; a row
ends in a line feed. The index holds the byte offset of every thousandth row, eight bytes each, so a page is read without what
comes before it.
"""

from __future__ import annotations

import codecs
import json
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

INDEX_EVERY = 1000
MAX_PAGE_CHARS = 8 << 20
_OFFSET = struct.Struct("<Q")
_READ_BYTES = 256 * 1024
_CELL = re.compile(r'(?:"([^"]*(?:""[^"]*)*)")?([,\n])')

Cell = str | int | float | bool | None
OpenRange = Callable[[int, int], AbstractContextManager[BinaryIO]]


@dataclass(frozen=True)
class ResultColumn:
    """A column of a result, its type in Athena's words."""

    name: str
    type: str


@dataclass(frozen=True)
class ResultMeta:
    """What is stored beside a result: columns, number of rows, size of the CSV in bytes."""

    columns: tuple[ResultColumn, ...]
    rows: int
    size: int

    def to_json(self) -> bytes:
        """Return the stored form."""
        columns = [{"name": c.name, "type": c.type} for c in self.columns]
        return json.dumps({"columns": columns, "rows": self.rows, "bytes": self.size}).encode()

    @classmethod
    def from_json(cls, stored: bytes) -> ResultMeta:
        """Read the stored form."""
        document = json.loads(stored)
        columns = tuple(ResultColumn(c["name"], c["type"]) for c in document["columns"])
        return cls(columns, document["rows"], document["bytes"])


def csv_key(prefix: str) -> str:
    """Return the key of a result's CSV below its prefix (which ends in a slash)."""
    return f"{prefix}result.csv"


def index_key(prefix: str) -> str:
    """Return the key of its index."""
    return f"{prefix}result.index"


def meta_key(prefix: str) -> str:
    """Return the key of its metadata."""
    return f"{prefix}result.json"


def export_key(prefix: str, form: str, safe: str | None = None) -> str:
    """Return the key of the result in another form (`parquet`), or in one made safe for something (`csv`, `spreadsheet`)."""
    return f"{prefix}export.{safe}.{form}" if safe else f"{prefix}export.{form}"


def pack_offset(offset: int) -> bytes:
    """Return an index entry."""
    return _OFFSET.pack(offset)


def read_page(
    open_range: OpenRange, meta: ResultMeta, index: bytes, *, start_row: int, limit: int, max_chars: int = MAX_PAGE_CHARS
) -> list[list[Cell]]:
    """Return rows from `start_row` (from 0) on as JSON cells; `open_range(start, stop)` opens the CSV's bytes.

    They are fewer than `limit` where one more would be too much text, but one at least.
    """
    if start_row >= meta.rows or limit <= 0:
        return []
    first = start_row // INDEX_EVERY
    last = -(-min(meta.rows, start_row + limit) // INDEX_EVERY)
    entries = len(index) // _OFFSET.size
    begin = _OFFSET.unpack_from(index, first * _OFFSET.size)[0]
    end = _OFFSET.unpack_from(index, last * _OFFSET.size)[0] if last < entries else meta.size
    readers = [_reader(column.type) for column in meta.columns]
    with open_range(begin, end) as stream:
        skipped = start_row - first * INDEX_EVERY
        rows = _within(islice(read_rows(stream, end - begin), skipped, skipped + limit), max_chars)
        return [[None if text is None else read(text) for read, text in zip(readers, row, strict=True)] for row in rows]


def read_rows(stream: BinaryIO, length: int) -> Iterator[list[str | None]]:
    """Yield the rows of a stretch of the CSV as texts, holding one row and one buffer."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
    pending, row = "", list[str | None]()
    while length > 0:
        chunk = stream.read(min(max(_READ_BYTES, len(pending)), length))  # an unfinished cell is looked at again: twice as much each time
        if not chunk:
            break
        length -= len(chunk)
        pending += decoder.decode(chunk)
        position = 0
        while match := _CELL.match(pending, position):
            position = match.end()
            text = match[1]
            row.append(text.replace('""', '"') if text is not None else None)
            if match[2] == "\n":
                yield row
                row = []
        pending = pending[position:]


def _within(rows: Iterator[list[str | None]], max_chars: int) -> Iterator[list[str | None]]:
    total = 0
    for number, row in enumerate(rows):
        total += sum(len(text) for text in row if text is not None)
        if number and total > max_chars:
            return
        yield row


def _reader(kind: str) -> Callable[[str], Cell]:
    match kind.split("(")[0].split("<")[0]:
        case "boolean":
            return lambda text: text == "true"
        case "int" | "integer" | "smallint" | "tinyint":
            return int
        case "double" | "float" | "real":
            return lambda text: text if text in ("NaN", "Infinity", "-Infinity") else float(text)
        case "timestamp":
            return lambda text: text.replace(" ", "T", 1)
        case "timestamp with time zone":
            return lambda text: text.replace(" ", "T", 1).replace(" UTC", "Z")
        case _:
            return str
