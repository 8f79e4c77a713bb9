"""Fields, exactly: the value of one quoted or unquoted field, and what stands behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto

from services.worker.csv.dialect import Dialect
from services.worker.csv.lines import CR, CRLF, LF, Lines

Cells = list[bytes | None]
_NEVER = re.compile(rb"(?!)")
_LINE_BYTES_AT_ONCE = 64 << 10


class After(Enum):
    """What follows a field; `UNKNOWN` until more bytes have come."""

    DELIMITER = auto()
    END = auto()
    TEXT = auto()
    UNKNOWN = auto()


class Fields:
    """The delimiter, quote and escape of one dialect, ready for reading bytes of UTF-8.

    A field that begins with the quote is quoted, up to the next quote that is neither doubled nor escaped; anywhere else a quote is
    text. The escape takes the meaning from a quote, a delimiter, a line end or itself, and is text before anything else.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.delimiter = dialect.delimiter.encode()
        self.quote = dialect.quotechar.encode() if dialect.quotechar else None
        self.escape = dialect.escapechar.encode() if dialect.escapechar else None
        self.lines = Lines(dialect.lineterminator in ("\r", "mixed"))
        self._look_ahead = max(2, len(self.delimiter))
        self._field = self._field_pattern()
        if self.escape is None:
            self._escapable = self._stop_in_quotes = self._stop_outside = self._unescape = _NEVER
            return
        delimiter, escape = re.escape(self.delimiter), re.escape(self.escape)
        quotes = [re.escape(self.quote)] if self.quote else []
        ends = [CRLF, LF, CR] if self.lines.universal else [CRLF, LF]
        self._escapable = re.compile(b"|".join([CRLF, LF, CR, delimiter, escape, *quotes]))
        self._stop_in_quotes = re.compile(b"|".join([escape, *quotes]))
        self._stop_outside = re.compile(b"|".join([escape, delimiter, *ends]))
        self._unescape = re.compile(escape + b"(" + self._escapable.pattern + b")")

    def opens(self, data: bytes, position: int) -> bool:
        """Whether a field that begins here is quoted."""
        return self.quote is not None and data.startswith(self.quote, position)

    def is_plain(self, data: bytes, start: int, end: int) -> bool:
        """Whether the bytes hold neither quote nor escape, so that delimiters alone divide them."""
        if self.quote is not None and data.find(self.quote, start, end) >= 0:
            return False
        return self.escape is None or data.find(self.escape, start, end) < 0

    def line_cells(self, line: bytes) -> Cells | None:
        """Split a line whose quoted fields all close within it, in one go; None when that is not so, or the line is long."""
        if self.escape is not None or len(line) > _LINE_BYTES_AT_ONCE:
            return None
        quote = self.quote or b""
        cells: Cells = []
        size = 0
        for text, separator in self._field.findall(line):
            size += len(text) + len(separator)
            if not text:
                cells.append(None)
            elif text.startswith(quote):
                cells.append(text[1:-1].replace(quote + quote, quote))
            else:
                cells.append(text)
            if not separator:
                break
        return cells if size == len(line) else None

    def quoted(self, data: bytes, opened: int, stop: int, *, last: bool) -> tuple[bytes, int] | None:
        """Return the value of the quoted field and where it ends; None while its closing quote is not in sight."""
        quote = self.quote or b""
        position = opened + 1
        doubled = escaped = False
        while True:
            found = self._next_in_quotes(data, position, stop)
            if found < 0 or (found + 1 >= stop and not last):
                return None
            if self.escape is not None and data.startswith(self.escape, found):
                if found + 1 + self._look_ahead > stop and not last:
                    return None
                escaped = True
                position = self._behind_escape(data, found, stop)
            elif found + 1 < stop and data.startswith(quote, found + 1):
                doubled = True
                position = found + 2
            else:
                break
        value = data[opened + 1 : found]
        if escaped:
            value = re.sub(self._unescape.pattern + b"|" + quote + quote, lambda match: match.group(1) or quote, value)
        elif doubled:
            value = value.replace(quote + quote, quote)
        return value, found + 1

    def unquoted(self, data: bytes, start: int, line_end: int, stop: int, *, last: bool) -> tuple[bytes | None, int]:
        """Return the value of the unquoted field (NULL when it is empty) and where it ends, or -1 while that is not known.

        `line_end` is the next line end at or after `start`, or -1.
        """
        if self.escape is not None:
            return self._unquoted_with_escapes(data, start, stop, last=last)
        end = self.lines.content_end(data, start, line_end + 1 if line_end >= 0 else stop, last=last and line_end < 0)
        delimiter = data.find(self.delimiter, start, end)
        if delimiter >= 0:
            return data[start:delimiter] or None, delimiter
        if line_end < 0 and not last:
            return None, -1
        return data[start:end] or None, end

    def after(self, data: bytes, position: int, stop: int, *, last: bool) -> After:
        """Say what stands behind a field that ended at `position`."""
        if position >= stop:
            return After.END if last else After.UNKNOWN
        if data.startswith(self.delimiter, position):
            return After.DELIMITER
        if data.startswith(LF, position):
            return After.END
        if data.startswith(CR, position):
            if position + 1 >= stop:
                return After.END if last else After.UNKNOWN
            return After.END if self.lines.universal or data.startswith(LF, position + 1) else After.TEXT
        cut_short = not last and stop - position < len(self.delimiter) and self.delimiter.startswith(data[position:stop])
        return After.UNKNOWN if cut_short else After.TEXT

    def clean_width(self, line: bytes) -> int | None:
        """Return how many fields a line has, or None when its quotes are not beyond doubt."""
        if self.is_plain(line, 0, len(line)):
            return line.count(self.delimiter) + 1
        width = 0
        for begin, end, closed in self._line_fields(line):
            if not closed and self.quote is not None and self.quote in line[begin:end]:
                return None
            width += 1
        return width

    def lenient_cells(self, line: bytes) -> Cells:
        """Split one line whatever its quotes are: a field that does not close properly is taken as it stands."""
        cells: Cells = []
        for begin, end, closed in self._line_fields(line):
            found = self.quoted(line, begin, end, last=True) if closed else None
            cells.append(found[0] if found else line[begin:end] or None)
        return cells

    def leave_quotes(self, data: bytes, position: int, stop: int, *, last: bool) -> tuple[After, int]:
        """From inside a quoted field, return the position behind its closing quote; `UNKNOWN` comes with where to go on from."""
        while True:
            found = self._next_in_quotes(data, position, stop)
            if found < 0:
                held_back = not last and data.endswith(CR, position, stop)
                return After.UNKNOWN, stop - held_back
            if found + self._look_ahead >= stop and not last:
                return After.UNKNOWN, found
            if self.escape is not None and data.startswith(self.escape, found):
                position = self._behind_escape(data, found, stop)
            elif found + 1 < stop and data.startswith(self.quote or b"", found + 1):
                position = found + 2
            else:
                return After.TEXT, found + 1

    def leave_text(self, data: bytes, position: int, stop: int, *, last: bool) -> tuple[After, int]:
        """From unquoted text, return where the next field that may be quoted begins, or (`END`) the next record."""
        if self.escape is not None:
            return self._leave_text_with_escapes(data, position, stop, last=last)
        line_end = self.lines.end(data, position, stop)
        if self.quote is not None:
            found = data.find(self.delimiter + self.quote, position, line_end if line_end >= 0 else stop)
            if found >= 0:
                return After.DELIMITER, found + len(self.delimiter)
        return self._leave_line(data, position, line_end, stop, last=last)

    def _leave_text_with_escapes(self, data: bytes, position: int, stop: int, *, last: bool) -> tuple[After, int]:
        while True:
            match = self._stop_outside.search(data, position, stop)
            if match is None:
                return self._leave_line(data, position, -1, stop, last=last)
            found = match.start()
            if data.startswith(self.delimiter, found):
                return After.DELIMITER, match.end()
            if not data.startswith(self.escape or b"", found):
                return self._leave_line(data, position, match.end() - 1, stop, last=last)
            if found + self._look_ahead >= stop and not last:
                return After.UNKNOWN, found
            position = self._behind_escape(data, found, stop)

    def _leave_line(self, data: bytes, position: int, line_end: int, stop: int, *, last: bool) -> tuple[After, int]:
        if line_end < 0:
            return After.UNKNOWN, stop if last else max(position, stop - self._look_ahead)
        if self.after(data, line_end, stop, last=last) is After.UNKNOWN:
            return After.UNKNOWN, line_end
        return After.END, self.lines.skip_end(data, line_end, stop)

    def _line_fields(self, line: bytes) -> Iterator[tuple[int, int, bool]]:
        """Yield begin, end and whether it is a properly closed quoted field, for each field of one line."""
        position, stop = 0, len(line)
        while True:
            found = self.quoted(line, position, stop, last=True) if self.opens(line, position) else None
            closed = found is not None and self.after(line, found[1], stop, last=True) in (After.DELIMITER, After.END)
            if found is not None and closed:
                end = found[1]
            else:
                delimiter = line.find(self.delimiter, position)
                end = stop if delimiter < 0 else delimiter
            yield position, end, closed
            if end >= stop:
                return
            position = end + len(self.delimiter)

    def _field_pattern(self) -> re.Pattern[bytes]:
        """Return what matches a whole field and the delimiter behind it."""
        delimiter, quote = re.escape(self.delimiter), self.quote
        if quote is None or self.escape is not None:
            return _NEVER
        plain = b"[^" + delimiter + b"]*+" if len(self.delimiter) == 1 else b"(?:(?!" + delimiter + b").)*+"
        quoted = quote + b"[^" + quote + b"]*+(?:" + quote * 2 + b"[^" + quote + b"]*+)*+" + quote
        return re.compile(b"(" + quoted + b"|(?!" + quote + b")" + plain + b")(" + delimiter + rb"|\Z)", re.DOTALL)

    def _next_in_quotes(self, data: bytes, position: int, stop: int) -> int:
        if self.escape is None:
            return data.find(self.quote or b"", position, stop)
        match = self._stop_in_quotes.search(data, position, stop)
        return match.start() if match else -1

    def _behind_escape(self, data: bytes, position: int, stop: int) -> int:
        match = self._escapable.match(data, position + 1, stop)
        return match.end() if match else position + 1

    def _unquoted_with_escapes(self, data: bytes, start: int, stop: int, *, last: bool) -> tuple[bytes | None, int]:
        position = start
        while True:
            match = self._stop_outside.search(data, position, stop)
            if match is None:
                if not last:
                    return None, -1
                end = stop - 1 if stop > position and data[stop - 1 : stop] == CR else stop
                break
            end = match.start()
            if not data.startswith(self.escape or b"", end):
                break
            if end + 1 + self._look_ahead > stop and not last:
                return None, -1
            position = self._behind_escape(data, end, stop)
        return self._unescape.sub(rb"\1", data[start:end]) or None, end
