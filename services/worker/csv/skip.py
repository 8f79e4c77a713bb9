"""Getting past a record that is too long, a window at a time, remembering only whether it stands inside quotes."""

from __future__ import annotations

from dataclasses import dataclass

from services.worker.csv.fields import After
from services.worker.csv.grammar import Grammar

FIELD, TEXT, QUOTES = "field", "text", "quotes"


@dataclass(frozen=True)
class Skipped:
    """How many bytes were passed; `inside` is empty once the record has ended."""

    size: int
    inside: str


def skip(data: bytes, grammar: Grammar, inside: str, *, last: bool) -> Skipped:
    """Pass the rest of a record as far as `data` shows it; `last` says that nothing follows."""
    fields = grammar.fields
    stop = len(data)
    position = 0
    while position < stop:
        if inside == FIELD:
            inside = QUOTES if fields.opens(data, position) else TEXT
            position += inside == QUOTES
        elif inside == QUOTES:
            after, position = fields.leave_quotes(data, position, stop, last=last)
            if after is After.UNKNOWN:
                return Skipped(position, "" if last else QUOTES)
            inside = TEXT
        else:
            after, position = fields.leave_text(data, position, stop, last=last)
            if after is After.UNKNOWN:
                return Skipped(position, "" if last else TEXT)
            if after is After.END:
                return Skipped(position, "")
            inside = FIELD
    return Skipped(position, "" if last else inside)
