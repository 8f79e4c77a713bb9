"""The exact grammar of records, one at a time: where a record ends, what its cells are, and what is wrong with it.

Text after a closing quote, or a quote that is never closed, spoils a record, and the opening quote may itself be a stray one. If the
lines after the one that opened it read as clean records of the right width, only that line is rejected; otherwise everything up
to the line end where it went wrong is one reject. Nothing is ever guessed into a row, and what is decided depends on the bytes of the
record and the longest record alone, never on where a chunk was cut.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.worker.csv.dialect import Dialect
from services.worker.csv.fields import After, Cells, Fields
from services.worker.csv.lines import LF

EVIDENCE_BYTES = 64 << 10


@dataclass(frozen=True)
class Record:
    """The record's text ends at `end`, the next record begins at `next_start`; a `code` says why its cells are not to be used."""

    end: int
    next_start: int
    cells: Cells
    code: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Unfinished:
    """The bytes at hand do not show where the record ends."""


@dataclass(frozen=True)
class TooLong:
    """The record is longer than the longest one allowed; at that length it was inside a quoted field, or not."""

    in_quotes: bool


@dataclass(frozen=True)
class _Open:
    opened: int


@dataclass(frozen=True)
class _Spoiled:
    opened: int
    at: int


Found = Record | Unfinished | TooLong


class Grammar:
    """A dialect made ready for reading records of at most `max_record_bytes`; `width` is how many fields a record has, once known."""

    def __init__(self, dialect: Dialect, *, width: int | None, max_record_bytes: int) -> None:
        self.dialect = dialect
        self.width = width
        self.max_record_bytes = max_record_bytes
        self.fields = Fields(dialect)
        self.lines = self.fields.lines
        self.comment = dialect.comment.encode() if dialect.comment else None
        self.comments_anywhere = self.comment is not None and dialect.comment_scope == "all"

    def record(self, data: bytes, start: int, *, last: bool) -> Found:
        """Read the record at `start`; `last` says that nothing follows `data`."""
        bound = min(len(data), start + self.max_record_bytes + 2)
        whole = last and bound == len(data)
        found = self._lex(data, start, bound, last=whole)
        decided = whole or bound < len(data)
        match found:
            case Record():
                return found if found.end - start <= self.max_record_bytes else TooLong(in_quotes=False)
            case _Spoiled():
                return self._spoiled(data, found, bound, whole=whole, decided=decided)
            case _Open() if decided:
                return self._never_closed(data, found, bound, whole=whole)
            case Unfinished() if decided:
                return TooLong(in_quotes=False)
            case _:
                return Unfinished()

    def physical_line(self, data: bytes, start: int, *, last: bool) -> Found:
        """Read one line, whatever its quotes are."""
        following = self.lines.after(data, start, len(data), last=last)
        if following < 0:
            return Unfinished() if len(data) - start <= self.max_record_bytes + 2 else TooLong(in_quotes=False)
        end = self.lines.content_end(data, start, following, last=last and following == len(data))
        if end - start > self.max_record_bytes:
            return TooLong(in_quotes=False)
        return Record(end, following, self.fields.lenient_cells(data[start:end]))

    def _lex(self, data: bytes, start: int, stop: int, *, last: bool) -> Record | Unfinished | _Open | _Spoiled:
        fields, lines = self.fields, self.lines
        line_end = lines.end(data, start, stop)
        if fields.is_plain(data, start, line_end if line_end >= 0 else stop):
            return self._plain(data, start, stop, last=last)
        if line_end >= 0 or last:
            following = line_end + 1 if line_end >= 0 else stop
            end = lines.content_end(data, start, following, last=last and following == stop)
            whole_line = fields.line_cells(data[start:end]) if following < stop or last or data.endswith(LF, 0, stop) else None
            if whole_line is not None:
                return Record(end, following, whole_line)
        cells: Cells = []
        position = start
        while True:
            if 0 <= line_end < position:
                line_end = lines.end(data, position, stop)
            if fields.opens(data, position):
                found = fields.quoted(data, position, stop, last=last)
                if found is None:
                    return _Open(position)
                value: bytes | None = found[0]
                end = found[1]
            else:
                value, end = fields.unquoted(data, position, line_end, stop, last=last)
            after = fields.after(data, end, stop, last=last) if end >= 0 else After.UNKNOWN
            match after:
                case After.UNKNOWN:
                    return Unfinished()
                case After.TEXT:
                    return _Spoiled(position, end)
                case After.END:
                    cells.append(value)
                    return Record(end, lines.skip_end(data, end, stop), cells)
            cells.append(value)
            position = end + len(fields.delimiter)

    def _plain(self, data: bytes, start: int, stop: int, *, last: bool) -> Record | Unfinished:
        following = self.lines.after(data, start, stop, last=last)
        if following < 0:
            return Unfinished()
        end = self.lines.content_end(data, start, following, last=last and following == stop)
        return Record(end, following, [cell or None for cell in data[start:end].split(self.fields.delimiter)])

    def _spoiled(self, data: bytes, found: _Spoiled, bound: int, *, whole: bool, decided: bool) -> Found:
        following = self.lines.after(data, found.at, bound, last=whole)
        if following < 0:
            return TooLong(in_quotes=False) if decided else Unfinished()
        opening = self.lines.after(data, found.opened, bound, last=whole)
        if opening < following and self._reads_as_records(data, opening, following, complete=True):
            return self._stray_line(data, found.opened, opening)
        end = self.lines.content_end(data, found.at, following, last=whole and following == bound)
        text = data[found.at : min(found.at + 20, end)].decode("utf-8", "backslashreplace")
        return Record(end, following, [], "bad_quote", f"After a closing quote comes {text!r} instead of a delimiter or the end of the record.")

    def _never_closed(self, data: bytes, found: _Open, bound: int, *, whole: bool) -> Found:
        opening = self.lines.after(data, found.opened, bound, last=whole)
        if 0 < opening < bound and self._reads_as_records(data, opening, bound, complete=whole):
            return self._stray_line(data, found.opened, opening)
        if not whole:
            return TooLong(in_quotes=True)
        return Record(bound, bound, [], "unclosed_quote", "A quoted field is still open at the end of the file.")

    def _stray_line(self, data: bytes, opened: int, following: int) -> Record:
        end = self.lines.content_end(data, opened, following, last=False)
        return Record(
            end, following, [], "unclosed_quote", "A quote opens a field and does not close it; the lines after it are records of their own."
        )

    def _reads_as_records(self, data: bytes, start: int, stop: int, *, complete: bool) -> bool:
        """Whether the lines of `data[start:stop]` (those that are whole within the evidence) are clean records of the right width."""
        if self.width is None or self.width < 2:
            return False
        end = min(stop, start + EVIDENCE_BYTES)
        last = complete and end == stop
        position, seen = start, 0
        while position < end:
            following = self.lines.after(data, position, end, last=last)
            if following < 0:
                break
            line = data[position : self.lines.content_end(data, position, following, last=last and following == end)]
            if self.fields.clean_width(line) != self.width:
                return False
            seen += 1
            position = following
        return seen > 0
