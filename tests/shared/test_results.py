"""Pages of a stored result, whatever its cells are."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from services.shared.results import ResultColumn, ResultMeta, pack_offset, read_page, read_rows

HEADER = b'"note"\n'


def test_a_very_long_cell_is_read_in_one_go() -> None:
    """The time to read a cell grows with its length, not with the square of it."""
    took = {}
    for size in (4_000_000, 64_000_000):
        data = b'"' + b'x""' * (size // 3) + b'"\n'
        began = time.process_time()
        rows = list(read_rows(io.BytesIO(data), len(data)))
        took[size] = time.process_time() - began
        assert [len(row[0] or "") for row in rows] == [2 * (size // 3)]
    assert took[64_000_000] < 64 * max(took[4_000_000], 0.01)


def test_a_page_of_large_cells_ends_early() -> None:
    """A page holds no more text than it may, but one row at least; the next page goes on behind it."""
    cells = ["a" * 100, "b" * 100, "c" * 5000, "d" * 10, "e" * 10]
    stored = HEADER + b"".join(b'"%s"\n' % cell.encode() for cell in cells)
    meta = ResultMeta((ResultColumn("note", "string"),), len(cells), len(stored))
    index = pack_offset(len(HEADER))

    @contextmanager
    def open_range(first: int, _: int) -> Iterator[BinaryIO]:
        stream = io.BytesIO(stored)
        stream.seek(first)
        yield stream

    pages, start = [], 0
    while start < len(cells):
        pages.append(read_page(open_range, meta, index, start_row=start, limit=1000, max_chars=300))
        start += len(pages[-1])
    assert [len(page) for page in pages] == [2, 1, 2]
    assert [row[0] for page in pages for row in page] == cells
