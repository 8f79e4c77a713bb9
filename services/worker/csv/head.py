"""The head of a file: byte order mark, comments, preamble and header, up to where the first data record begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.worker.csv.blocks import Counts, Head
from services.worker.csv.dialect import Dialect
from services.worker.csv.fields import Cells
from services.worker.csv.grammar import Grammar, Record, TooLong, Unfinished

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class HeadReading:
    """What was passed; `source_names` are there once the head has ended, `too_long` says that an overlong record comes next."""

    head: Head
    source_names: tuple[str, ...] | None
    too_long: TooLong | None = None


def read_head(data: bytes, grammar: Grammar, *, preamble_seen: int, first: bool, last: bool) -> HeadReading:
    """Read as much of the head as `data` holds; `first` says that this is where the file begins."""
    dialect = grammar.dialect
    position = len(BOM) if first and data.startswith(BOM) else 0
    header = preamble = comments = blank = 0

    def passed() -> Head:
        counts = Counts(header_records=header, preamble_records=preamble, comment_records=comments, blank_records=blank)
        return Head(position, grammar.lines.count(data, position), counts)

    while position < len(data):
        is_comment = grammar.comment is not None and data.startswith(grammar.comment, position)
        found = grammar.physical_line(data, position, last=last) if is_comment else grammar.record(data, position, last=last)
        if isinstance(found, Record) and found.code:
            found = grammar.physical_line(data, position, last=last)
        match found:
            case Unfinished():
                break
            case TooLong():
                return HeadReading(passed(), None, found)
            case Record():
                pass
        if is_comment:
            comments += 1
        elif found.end == position:
            blank += 1
        elif preamble_seen + preamble < dialect.skip_records:
            preamble += 1
        elif dialect.header:
            header = 1
            position = found.next_start
            return HeadReading(passed(), header_names(found.cells, dialect))
        else:
            return HeadReading(passed(), unnamed(dialect.width or len(found.cells)))
        position = found.next_start
    return HeadReading(passed(), None)


def header_names(cells: Cells, dialect: Dialect) -> tuple[str, ...]:
    """Return the columns' names as the header has them, and as many as the records have fields when they are one off."""
    names = tuple((cell or b"").decode("utf-8", "backslashreplace") for cell in cells)
    width = dialect.width
    if width == len(names) + 1:
        return ("", *names) if dialect.unnamed_first else (*names, "")
    if width is not None and width == len(names) - 1 and not names[-1]:
        return names[:-1]
    return names


def unnamed(width: int) -> tuple[str, ...]:
    """Return names for the columns of a file without a header."""
    return tuple(f"column_{position}" for position in range(1, width + 1))


def is_one_off(header: Sequence[object], width: int) -> bool:
    """Whether a header of that length can belong to records of that width."""
    return abs(len(header) - width) <= 1
