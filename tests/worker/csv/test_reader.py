"""What the reader says about records, cells, rejects, lines and offsets."""

from __future__ import annotations

import csv
import io
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.worker.csv.blocks import RAW_BYTES_KEPT
from services.worker.csv.dialect import Dialect
from services.worker.csv.reader import read_blocks, read_header
from services.worker.csv.state import ReadState
from tests.worker.csv.readings import limits, read_flat
from tests.worker.csv.reference import reference_records

UNNAMED = Dialect(header=False)

text_cells = st.text(alphabet=st.sampled_from('ab,"\n\r é\0#;\\'), max_size=6)
tables = st.integers(2, 5).flatmap(lambda width: st.lists(st.lists(text_cells, min_size=width, max_size=width), min_size=1, max_size=12))


def written(rows: list[list[str]], *, end: str, quoting: int) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()


@settings(max_examples=300, deadline=None)
@given(tables, st.sampled_from(["\n", "\r\n"]), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.booleans())
def test_well_formed_files_read_as_written(rows: list[list[str]], end: str, quoting: int, closed: bool) -> None:
    """Every cell that Python's csv module wrote comes back, and NULL is told from the empty string as a reference reader does."""
    if quoting == csv.QUOTE_MINIMAL:
        rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    text = written(rows, end=end, quoting=quoting)
    text = text if closed else text.removesuffix(end)
    flat = read_flat(text.encode(), Dialect(header=False, lineterminator=end))
    assert [[cell or "" for cell in row] for row in flat.rows] == rows
    assert flat.rows == reference_records(text)
    assert not flat.rejects


@settings(max_examples=150, deadline=None)
@given(tables)
def test_lines_and_offsets_point_at_the_record(rows: list[list[str]]) -> None:
    """Cutting the file at a row's offset, or after its lines, gives the rest of the rows, with line breaks in cells and all."""
    data = written(rows, end="\n", quoting=csv.QUOTE_MINIMAL).encode()
    flat = read_flat(data, UNNAMED)
    for row, (line, offset) in enumerate(flat.places):
        assert data[:offset].count(b"\n") == line - 1
        assert read_flat(data[offset:], UNNAMED).rows == flat.rows[row:]


def test_nulls_and_empty_strings_differ() -> None:
    """An unquoted empty field is NULL, a quoted one is the empty string, at any place in a record, at the end of the file too."""
    assert read_flat(b'a,b,c\n,"",\n"",,""\n"",1,', Dialect()).rows == [(None, "", None), ("", None, ""), ("", "1", None)]


def test_cells_are_never_trimmed_or_changed() -> None:
    """Spaces, leading zeros, NUL bytes and a lone carriage return stay as they are."""
    assert read_flat(b"a,b\n 02000 ,\tx\0y\nq\rr, NA \n", Dialect()).rows == [(" 02000 ", "\tx\0y"), ("q\rr", " NA ")]


def test_a_quote_inside_an_unquoted_cell_is_text() -> None:
    """`5" pipe` is no fault: nothing is ambiguous about it."""
    assert read_flat(b'a,b\n5" pipe,x"y"\n', Dialect()).rows == [('5" pipe', 'x"y"')]


def test_every_record_is_counted_once() -> None:
    """Preamble, comments, header, blank lines, rejects and data together are all the records there are."""
    data = b'\xef\xbb\xbf# made by hand\nReport,2024\n\nid,name\n1,a\n\n2,b,c\n3\n"4"x,d\n\xff,e\n5,"f\n\ng"\n'
    flat = read_flat(data, Dialect(skip_records=1, comment="#"))
    counts = flat.counts
    assert (counts.comment_records, counts.preamble_records, counts.header_records, counts.blank_records) == (1, 1, 1, 2)
    assert (counts.records, counts.rejected_records) == (2, 4)
    assert [(reject.line, reject.byte_offset, reject.code, reject.raw) for reject in flat.rejects] == [
        (7, data.index(b"2,b"), "too_many_fields", b"2,b,c"),
        (8, data.index(b"3\n"), "too_few_fields", b"3"),
        (9, data.index(b'"4"'), "bad_quote", b'"4"x,d'),
        (10, data.index(b"\xff"), "bad_encoding", b"\xff,e"),
    ]
    assert flat.places == [(5, data.index(b"1,a")), (11, data.index(b"5,"))]


def test_a_stray_quote_costs_its_own_line_only() -> None:
    """When the lines after an opening quote are clean records, they are read and only its line is rejected."""
    data = b'a,b\n1,"x\n' + b"".join(b"%d,y\n" % number for number in range(1000))
    flat = read_flat(data, Dialect())
    assert [(reject.line, reject.code, reject.raw) for reject in flat.rejects] == [(2, "unclosed_quote", b'1,"x')]
    assert flat.counts.records == 1000


def test_a_cell_cut_off_by_the_end_of_the_file_is_one_reject() -> None:
    """Lines of text inside a quoted cell that is never closed are not taken for records."""
    flat = read_flat(b'a,b\n1,2\n3,"once upon\na time, there, was\n', Dialect())
    assert flat.rows == [("1", "2")]
    assert [(reject.line, reject.code) for reject in flat.rejects] == [(3, "unclosed_quote")]


def test_a_backslash_escapes_only_what_needs_it() -> None:
    """Escaped quotes, delimiters, line ends and backslashes lose their escape; any other backslash is text."""
    data = b'a,b\n"say \\"hi\\"",x\\,y\nC:\\new\\\\,"z\\\nz"\n\\N,1\n'
    assert read_flat(data, Dialect(escapechar="\\")).rows == [('say "hi"', "x,y"), ("C:\\new\\", "z\nz"), ("\\N", "1")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_and_quoted_breaks_of_the_others(end: str) -> None:
    """Line ends inside quotes are text whatever ends the records, and lines are counted with them."""
    data = f'a,b{end}1,"x\r\ny"{end}2,"u\nv\rw"{end}3,z'.encode()
    flat = read_flat(data, Dialect(lineterminator=end))
    assert flat.rows == [("1", "x\r\ny"), ("2", "u\nv\rw"), ("3", "z")]


def test_mixed_line_ends() -> None:
    """Where the dialect says mixed, all three end a record."""
    assert read_flat(b"a,b\r1,2\n3,4\r\n5,6\r", Dialect(lineterminator="mixed")).rows == [("1", "2"), ("3", "4"), ("5", "6")]


def test_an_empty_line_in_a_file_of_one_column_is_a_null() -> None:
    """With one column an empty line can be nothing else; with more it is a blank record."""
    assert read_flat(b'a\n1\n\n""\n', Dialect()).rows == [("1",), (None,), ("",)]


class Counting(io.RawIOBase):
    """A file of `size` bytes, made as they are read, that knows how much was asked for at once."""

    def __init__(self, pattern: bytes, size: int, head: bytes, tail: bytes) -> None:
        self.head, self.tail, self.pattern, self.size = head, tail, pattern, size
        self.position = self.largest = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        assert whence == 0
        self.position = offset
        return offset

    def read(self, count: int = -1) -> bytes:
        self.largest = max(self.largest, count)
        found = b""
        body = self.size - len(self.tail)
        if self.position < len(self.head):
            found = self.head[self.position : self.position + count]
        elif self.position < body:
            wanted = min(count, body - self.position)
            shift = (self.position - len(self.head)) % len(self.pattern)
            found = (self.pattern * (wanted // len(self.pattern) + 2))[shift : shift + wanted]
        else:
            found = self.tail[self.position - body : self.position - body + count]
        self.position += len(found)
        return found


@pytest.mark.parametrize(("pattern", "opening"), [(b"x", b""), (b"x,", b""), (b"line, of text, " * 20 + b'""quoted""\n', b'"')])
def test_a_line_of_200_mb_is_one_reject(pattern: bytes, opening: bytes) -> None:
    """It is passed at constant memory, never read in pieces larger than the longest record; what is around it is read."""
    head, tail = b"a,b\n1,2\n3," + opening, opening + b"\n4,5\n"
    size = 200_000_000 // len(pattern) * len(pattern) + len(head) + len(tail)
    stream = Counting(pattern, size, head, tail)
    rows, found = [], []
    for block, _ in read_blocks(stream, Dialect(), available=size, final=True, limits=limits(max_record=1 << 20)):  # type: ignore[arg-type]
        rows.extend(block.table.to_pylist())
        found.extend(block.rejects)
    assert rows == [{"a": "1", "b": "2"}, {"a": "4", "b": "5"}]
    assert [(reject.line, reject.code, len(reject.raw)) for reject in found] == [(3, "record_too_long", RAW_BYTES_KEPT)]
    assert stream.largest <= 8 << 20


def test_reading_stops_before_what_may_still_grow() -> None:
    """Only bytes that are there are read; the state tells where to go on, and survives JSON."""

    class Growing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            assert self.tell() <= allowed
            return data

    data = b"a,b\n1,2\n3,4\n5,6\n"
    stream: BinaryIO = Growing(data)
    allowed = 11
    (block, state), *rest = read_blocks(stream, Dialect(), available=allowed, final=False)
    assert (block.table.to_pylist(), state.offset, rest) == ([{"a": "1", "b": "2"}], 8, [])
    allowed = len(data)
    resumed = ReadState.from_json(state.to_json())
    again = [block for block, _ in read_blocks(stream, Dialect(), resume=resumed, available=allowed, final=True)]
    assert [block.table.num_rows for block in again] == [2]
    assert (again[0].first_line, again[0].byte_offset, again[0].line_of(1)) == (3, 8, 4)


def test_header_names_are_kept_as_they_are() -> None:
    """Empty, repeated and oddly quoted names come back as written; the table's names are unique."""
    data = b'Id,,"Full, Name",Id\n1,2,3,4\n'
    assert read_header(io.BytesIO(data), Dialect(), available=len(data), final=True) == ("Id", "", "Full, Name", "Id")
    ((block, _),) = read_blocks(io.BytesIO(data), Dialect(), available=len(data), final=True)
    assert block.table.column_names == ["id", "column_2", "full_name", "id_2"]


def test_a_header_that_has_not_arrived_is_none() -> None:
    """Half a header says nothing yet."""
    assert read_header(io.BytesIO(b"a,b"), Dialect(), available=3, final=False) is None
