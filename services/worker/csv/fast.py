"""The fast path: Arrow's own reader on bytes that the cut has vouched for."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as arrow_csv

from services.worker.csv import rejects
from services.worker.csv.blocks import Counts, Offsets, Piece, Reject, RowIndex, empty_table
from services.worker.csv.cut import Cut
from services.worker.csv.exact import Shape, read_exactly
from services.worker.csv.grammar import Grammar


def read_fast(cut: Cut, grammar: Grammar, shape: Shape) -> Piece:
    """Read the records of a cut; what Arrow will not take is read exactly."""
    try:
        return _read(cut, grammar, shape)
    except pa.ArrowInvalid:
        return read_exactly(cut.data[: cut.end], grammar, shape, last=True).piece


def _read(cut: Cut, grammar: Grammar, shape: Shape) -> Piece:
    width = len(shape.names)
    left_out = _left_out(cut, grammar)
    ragged: dict[int, int] = {}
    table = _parse(_source(cut, left_out), grammar, shape, ragged)
    blank = _blank_records(cut) if width != 1 else 0
    lines = grammar.lines.count(cut.data, cut.end)
    rejected: list[Reject] = []
    comments = 0
    if left_out is not None or ragged:
        rejected, comments = _account(cut, grammar, width, left_out, ragged)
    counts = Counts(records=table.num_rows, comment_records=comments, blank_records=blank, rejected_records=len(rejected))
    index = RowIndex(
        lines=lines,
        starts=lambda: _row_starts(cut, width, left_out, ragged),
        line_ends=lambda: grammar.lines.ends(cut.data, cut.end),
    )
    return Piece(table, cut.end, index, counts, rejected)


def _parse(source: Any, grammar: Grammar, shape: Shape, ragged: dict[int, int]) -> Any:
    """Read the bytes to text columns; note the ordinal and the width of every record of another width."""
    if not source.size:
        return empty_table(shape.wanted_names)

    def note(row: Any) -> str:
        ragged[row.number - 1] = row.actual_columns
        return "skip"

    dialect = grammar.dialect
    return arrow_csv.read_csv(
        pa.BufferReader(source),
        read_options=arrow_csv.ReadOptions(use_threads=False, column_names=shape.names, block_size=source.size + 1),
        parse_options=arrow_csv.ParseOptions(
            delimiter=dialect.delimiter,
            quote_char=dialect.quotechar or False,
            double_quote=True,
            escape_char=False,
            newlines_in_values=False,
            ignore_empty_lines=len(shape.names) != 1,
            invalid_row_handler=note,
        ),
        convert_options=arrow_csv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(shape.names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            include_columns=shape.wanted_names,
        ),
    )


def _left_out(cut: Cut, grammar: Grammar) -> npt.NDArray[np.bool_] | None:
    """Return which records Arrow is not shown (comments, and those with a byte that is not text), or None when it sees all."""
    text = rejects.is_utf8(cut.data, cut.end)
    comments = grammar.comments_anywhere and grammar.comment is not None and cut.data.find(grammar.comment, 0, cut.end) >= 0
    if text and not comments:
        return None
    starts, _ = cut.records
    left_out = np.zeros(starts.size, dtype=np.bool_)
    if not text:
        left_out[np.searchsorted(starts, _bad_bytes(cut), side="right") - 1] = True
    if comments:
        left_out |= _comments(cut, grammar)
    return left_out


def _bad_bytes(cut: Cut) -> list[int]:
    """Return the position of each byte that is not UTF-8."""
    found = []
    position = 0
    view = memoryview(cut.data)[: cut.end]
    while position < cut.end:
        try:
            str(view[position:], "utf-8")
        except UnicodeDecodeError as error:
            found.append(position + error.start)
            position += error.end
        else:
            break
    return found


def _comments(cut: Cut, grammar: Grammar) -> npt.NDArray[np.bool_]:
    starts, _ = cut.records
    prefix = grammar.comment or b""
    candidates: npt.NDArray[np.bool_] = cut.array[np.minimum(starts, cut.end - 1)] == prefix[0]
    for ordinal in np.flatnonzero(candidates):
        candidates[ordinal] = cut.data.startswith(prefix, int(starts[ordinal]))
    return candidates


def _source(cut: Cut, left_out: npt.NDArray[np.bool_] | None) -> Any:
    """Return the bytes for Arrow: without the records left out, and closed by a line end (else it reads a last empty cell as quoted)."""
    closed = cut.end == 0 or cut.data[cut.end - 1] == cut.line_end
    if closed and (left_out is None or not left_out.any()):
        return pa.py_buffer(cut.data).slice(0, cut.end)
    kept = io.BytesIO()
    view = memoryview(cut.data)
    position = 0
    for ordinal in np.flatnonzero(left_out) if left_out is not None else ():
        kept.write(view[position : cut.records[0][ordinal]])
        position = int(cut.record_ends[ordinal])
    kept.write(view[position : cut.end])
    if not closed and position < cut.end:
        kept.write(bytes([cut.line_end]))
    return pa.py_buffer(kept.getvalue())


def _shown(cut: Cut, width: int, left_out: npt.NDArray[np.bool_] | None) -> Offsets:
    """Return the ordinals of the records that Arrow counts: all but blank ones (unless there is one column) and those left out."""
    starts, ends = cut.records
    shown = np.ones(starts.size, dtype=np.bool_) if width == 1 else ends > starts
    if left_out is not None:
        shown &= ~left_out
    return np.flatnonzero(shown).astype(np.int64, copy=False)


def _row_starts(cut: Cut, width: int, left_out: npt.NDArray[np.bool_] | None, ragged: dict[int, int]) -> Offsets:
    shown = _shown(cut, width, left_out)
    if ragged:
        shown = np.delete(shown, list(ragged))
    return cut.records[0][shown]


def _account(cut: Cut, grammar: Grammar, width: int, left_out: npt.NDArray[np.bool_] | None, ragged: dict[int, int]) -> tuple[list[Reject], int]:
    """Return the rejects in file order, and how many comments there are."""
    starts, ends = cut.records
    shown = _shown(cut, width, left_out)
    fields = {int(shown[ordinal]): count for ordinal, count in ragged.items()}
    comments = _comments(cut, grammar) if grammar.comments_anywhere else None
    skipped = np.flatnonzero(left_out) if left_out is not None else ()
    badly_encoded = {int(ordinal) for ordinal in skipped if comments is None or not comments[ordinal]}
    line_ends = grammar.lines.ends(cut.data, cut.end)
    found = []
    for ordinal in sorted(badly_encoded | fields.keys()):
        start = int(starts[ordinal])
        raw = cut.data[start : int(ends[ordinal])]
        line = int(np.searchsorted(line_ends, start))
        if ordinal in badly_encoded:
            found.append(rejects.bad_encoding(raw, line=line, offset=start, encoding=grammar.dialect.encoding))
        else:
            found.append(rejects.wrong_width(raw, line=line, offset=start, fields=fields[ordinal], width=width))
    return found, (int(comments.sum()) if comments is not None else 0)


def _blank_records(cut: Cut) -> int:
    """Return how many records are empty lines: a line end directly behind a line end, outside quotes."""
    array = cut.array
    ends = array == cut.line_end
    doubled = ends[1:] & ends[:-1]
    candidates = np.flatnonzero(doubled) + 1 if doubled.any() else np.empty(0, dtype=np.int64)
    if cut.line_end == 10 and cut.data.find(b"\r", 0, cut.end) >= 0:
        behind_return = np.flatnonzero(ends[2:] & (array[1:-1] == 13) & ends[:-2]) + 2
        candidates = np.concatenate((candidates, behind_return))
    blank = int(cut.is_outside(candidates.astype(np.int64, copy=False)).sum()) if candidates.size else 0
    starts_blank = cut.data.startswith((bytes([cut.line_end]), b"\r\n" if cut.line_end == 10 else b"\r"), 0, cut.end)
    return blank + int(starts_blank)
