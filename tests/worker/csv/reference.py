"""A tiny reader of well-formed CSV, byte by byte, to hold the real one against."""

from __future__ import annotations

Row = tuple[str | None, ...]


def reference_records(text: str, *, delimiter: str = ",", quote: str = '"') -> list[Row]:
    """Return the records of a well-formed text: NULL is an unquoted empty field; an empty line is an empty record."""
    records: list[Row] = []
    cells: list[str | None] = []
    position = 0
    while position < len(text):
        if text[position] == quote:
            cell: str | None = ""
            position += 1
            while True:
                if text.startswith(quote * 2, position):
                    cell = (cell or "") + quote
                    position += 2
                elif text[position] == quote:
                    position += 1
                    break
                else:
                    cell = (cell or "") + text[position]
                    position += 1
        else:
            end = position
            while end < len(text) and text[end] not in (delimiter, "\n") and not text.startswith("\r\n", end):
                end += 1
            cell = text[position:end] or None
            position = end
        cells.append(cell)
        if text.startswith(delimiter, position):
            position += 1
            if position < len(text):
                continue
            cells.append(None)
        position += 2 if text.startswith("\r\n", position) else 1
        records.append(tuple(cells))
        cells = []
    return records
