"""Why a record was rejected, in the same words on every path."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from services.worker.csv.blocks import RAW_BYTES_KEPT, Reject

_ESCAPED_BYTES = range(0xDC00, 0xDD00)


def wrong_width(raw: bytes, *, line: int, offset: int, fields: int, width: int) -> Reject:
    """Say that a record has too many or too few fields."""
    code = "too_many_fields" if fields > width else "too_few_fields"
    return reject(raw, line=line, offset=offset, code=code, detail=f"The record has {_fields(fields)}, the file has {_fields(width)}.")


def bad_encoding(raw: bytes, *, line: int, offset: int, encoding: str) -> Reject:
    """Say which byte of a record is not text in the file's encoding."""
    byte, position = _first_bad_byte(raw)
    return reject(
        raw, line=line, offset=offset, code="bad_encoding", detail=f"Byte 0x{byte:02X}, {position} bytes into the record, is not {encoding}."
    )


def too_long(raw: bytes, *, line: int, offset: int, limit: int, in_quotes: bool) -> Reject:
    """Say that a record is longer than the longest one read; no more of it is kept than that length."""
    hint = " It is inside a quoted field there, whose quote may never be closed." if in_quotes else ""
    return reject(raw[:limit], line=line, offset=offset, code="record_too_long", detail=f"The record is longer than {limit} bytes.{hint}")


def reject(raw: bytes, *, line: int, offset: int, code: str, detail: str) -> Reject:
    """Return the reject, with no more of its bytes than are kept."""
    return Reject(line, offset, code, detail, bytes(raw[:RAW_BYTES_KEPT]))


def is_utf8(data: bytes, stop: int) -> bool:
    """Whether `data[:stop]` is UTF-8 (surrogates are not), without decoding it."""
    if data.isascii():
        return True
    bounds = pa.py_buffer(np.array([0, stop], dtype=np.int32))
    try:
        pa.Array.from_buffers(pa.string(), 1, [None, bounds, pa.py_buffer(data)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


def _first_bad_byte(raw: bytes) -> tuple[int, int]:
    """Return the byte and its position; the decoder of other encodings hands a bad byte on as an escaped surrogate."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        escaped = raw[error.start : error.start + 3].decode("utf-8", "surrogatepass") if raw[error.start] == 0xED else ""
        if escaped and ord(escaped[0]) in _ESCAPED_BYTES:
            return ord(escaped[0]) - 0xDC00, error.start
        return raw[error.start], error.start
    return 0, 0
