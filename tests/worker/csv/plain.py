"""A whole file split in plain Python, character by character, by a dialect that was found: every record counted, NULL told from ''."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field

from services.worker.csv.dialect import Dialect

Row = list[str | None]


class NotPlain(Exception):
    """The file is spoilt, or written in a way that this splitter has no rule for."""


@dataclass
class Plain:
    """The data records, and what became of all the others; `rejects` are lines."""

    names: Row = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    rejects: list[int] = field(default_factory=list)
    header: int = 0
    preamble: int = 0
    blank: int = 0
    comments: int = 0

    @property
    def records(self) -> int:
        """Return how many records of all kinds there are."""
        return len(self.rows) + len(self.rejects) + self.header + self.preamble + self.blank + self.comments


def read_plain(data: bytes, dialect: Dialect) -> Plain:
    """Read all of a file; one that needs a judgement (bad quotes, bad bytes, comments between records, escapes) raises `NotPlain`."""
    if (dialect.comment is not None and dialect.comment_scope == "all") or dialect.escapechar is not None or dialect.compression == "zstd":
        raise NotPlain
    found, width = Plain(), None if dialect.header else dialect.width
    for line, row in split(_text(data, dialect), dialect):
        if row is None:
            found.blank += 1
        elif dialect.comment is not None and not found.header and not found.rows and (row[0] or "").startswith(dialect.comment):
            found.comments += 1
        elif found.preamble < dialect.skip_records:
            found.preamble += 1
        elif dialect.header and not found.header:
            found.header, found.names = 1, _names(row, dialect)
            width = len(found.names)
        elif len(row) != (width := width or len(row)):
            found.rejects.append(line)
        else:
            found.rows.append(row)
    return found


def split(text: str, dialect: Dialect) -> list[tuple[int, Row | None]]:
    """Return the records with their first lines; None is a blank line, a None cell an empty one without quotes."""
    records: list[tuple[int, Row | None]] = []
    ends = ("\r\n", "\n", "\r") if dialect.lineterminator in ("\r", "mixed") else ("\r\n", "\n")
    at, line = 0, 1
    while at < len(text):
        row, end = _record(text, at, ends, dialect)
        records.append((line, row if end > at else None))
        after = end + next((len(mark) for mark in ends if text.startswith(mark, end)), 0)
        line += _lines(text[at:after], ends)
        at = after
    return records


def _names(row: Row, dialect: Dialect) -> Row:
    """Return the header, made as long as the records are when it is one off."""
    missing = (dialect.width or len(row)) - len(row)
    if missing == 1:
        return [None, *row] if dialect.unnamed_first else [*row, None]
    return row[:-1] if missing == -1 and row[-1] is None else row


def _record(text: str, at: int, ends: tuple[str, ...], dialect: Dialect) -> tuple[Row, int]:
    row: Row = []
    while True:
        cell, at = _quoted(text, at + 1, dialect) if dialect.quotechar and text.startswith(dialect.quotechar, at) else _bare(text, at, ends, dialect)
        row.append(cell)
        if at == len(text) or text.startswith(ends, at):
            return row, at
        if not text.startswith(dialect.delimiter, at):
            raise NotPlain
        at += len(dialect.delimiter)


def _quoted(text: str, at: int, dialect: Dialect) -> tuple[str, int]:
    quote, cell = dialect.quotechar or "", []
    while at < len(text):
        if text.startswith(quote * 2, at):
            at += 1
        elif text.startswith(quote, at):
            return "".join(cell), at + 1
        cell.append(text[at])
        at += 1
    raise NotPlain


def _bare(text: str, at: int, ends: tuple[str, ...], dialect: Dialect) -> tuple[str | None, int]:
    begin = at
    while at < len(text) and not text.startswith((dialect.delimiter, *ends), at):
        at += 1
    return text[begin:at] or None, at


def _text(data: bytes, dialect: Dialect) -> str:
    raw = gzip.decompress(data) if dialect.compression == "gzip" else data
    try:
        return raw.decode(dialect.encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise NotPlain from error


def _lines(text: str, ends: tuple[str, ...]) -> int:
    text = text.replace("\r\n", "\n")
    return text.count("\n") + (text.count("\r") if "\r" in ends else 0)
