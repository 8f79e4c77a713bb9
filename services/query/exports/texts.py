"""A stored result as columns of text, some rows at a time: what every other form is made from."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from services.shared.results import ResultMeta, read_rows

_SLICE_BYTES = 2 << 20
_MOST_SLICE_BYTES = 16 << 20
_MOST_CELLS = 50_000
_OFFSET = struct.Struct("<i")

Report = Callable[[int], None]


@dataclass(frozen=True)
class StoredResult:
    """A result's CSV, open, with its metadata and its index."""

    source: BinaryIO
    meta: ResultMeta
    index: bytes


def read_texts(result: StoredResult) -> Iterator[list[Any]]:
    """Yield the result's columns as arrays of text, NULL as null, some rows at a time.

    What is held follows neither the rows nor the columns nor their names: a few megabytes, or the longest row.
    """
    most_rows = max(1, _MOST_CELLS // len(result.meta.columns))
    for texts in _read_slices(result):
        for start in range(0, len(texts[0]), most_rows):
            yield [column.slice(start, most_rows) for column in texts]


def patched(texts: Any, pattern: str, change: Callable[[str], str], *, base: Any = None) -> Any:
    """Return the column (or `base`) with the texts that match (RE2) put through `change`; the others are not touched."""
    base = texts if base is None else base
    mask = pc.fill_null(pc.match_substring_regex(texts, pattern), False)
    if not pc.any(mask).as_py():
        return base
    return pc.replace_with_mask(base, mask, pa.array([change(text) for text in texts.filter(mask).to_pylist()], pa.string()))


def join(parts: Sequence[Any], *, null: str | None = None) -> Any:
    """Join texts and columns of text row by row; a NULL makes the row NULL, or counts as the text `null`."""
    handling = "emit_null" if null is None else "replace"
    return pc.binary_join_element_wise(*parts, "", null_handling=handling, null_replacement=null or "")


def joined_bytes(texts: Any) -> memoryview:
    """Return all texts of a column without NULLs, one after the other, as the bytes they lie in."""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return memoryview(b"")
    first, last = (_OFFSET.unpack_from(offsets, (texts.offset + i) * _OFFSET.size)[0] for i in (0, len(texts)))
    return memoryview(data)[first:last]


def _read_slices(result: StoredResult) -> Iterator[list[Any]]:
    """Read what lies between two entries of the index at once, unless it is too much; then its rows one by one."""
    for first, stop in _stretches(result.index, result.meta.size):
        result.source.seek(first)
        if stop - first <= _MOST_SLICE_BYTES:
            yield _parse(result.source.read(stop - first), len(result.meta.columns))
        else:
            yield from _row_by_row(result.source, stop - first)


def _stretches(index: bytes, size: int) -> Iterator[tuple[int, int]]:
    """Yield stretches of whole rows as first and last byte, a few megabytes each, and what is longer between two entries alone."""
    entries = [offset for (offset,) in struct.iter_unpack("<Q", index)]
    first = entries[0] if entries else size
    for entry, following in pairwise([*entries, size]):
        if following - first > _MOST_SLICE_BYTES and entry > first:
            yield first, entry
            first = entry
        if following - first >= _SLICE_BYTES:
            yield first, following
            first = following
    if first < size:
        yield first, size


def _parse(data: bytes, columns: int) -> list[Any]:
    names = [str(i) for i in range(columns)]
    table = pacsv.read_csv(
        pa.BufferReader(data),
        read_options=pacsv.ReadOptions(column_names=names, block_size=len(data) + 1, use_threads=False),
        parse_options=pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]
        ),
    )
    return [column.combine_chunks() for column in table.columns]


def _row_by_row(source: BinaryIO, length: int) -> Iterator[list[Any]]:
    rows: list[list[str | None]] = []
    held = 0
    for row in read_rows(source, length):
        rows.append(row)
        held += sum(len(text) for text in row if text is not None)
        if held >= _SLICE_BYTES:
            yield _columns(rows)
            rows, held = [], 0
    if rows:
        yield _columns(rows)


def _columns(rows: list[list[str | None]]) -> list[Any]:
    return [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
