"""LazySimpleSerDe's way with a line, byte by byte, as Trino's `SimpleDeserializer` and `StringEncoding` have it."""

from __future__ import annotations

COMMA, ESCAPE = ord(","), ord("\\")


def lazy_simple_texts(line: bytes, columns: int) -> tuple[str | None, ...]:
    """Return a line's cells as text columns, with `\\` as the escape and `\\N` as NULL."""
    cells, begin, position = [], 0, 0
    while position < len(line):
        if line[position] == COMMA:
            cells.append(line[begin:position])
            begin = position + 1
        elif line[position] == ESCAPE:
            position += 1
        position += 1
    cells.append(line[begin:])
    found = [None if cell == b"\\N" else _unescaped(cell).decode() for cell in cells[:columns]]
    return tuple(found + [None] * (columns - len(found)))


def _unescaped(cell: bytes) -> bytes:
    out, position = bytearray(), 0
    while position < len(cell):
        if cell[position] == ESCAPE and position + 1 < len(cell):
            position += 1
        out.append(cell[position])
        position += 1
    return bytes(out)
