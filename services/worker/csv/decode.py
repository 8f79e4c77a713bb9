"""From a raw upload to UTF-8: nothing at all for plain UTF-8, bounded decompression and transcoding for the rest.

A byte that is not text in the file's encoding becomes an escaped surrogate, which is not UTF-8 either, so that the reader rejects its
record; no byte is ever replaced. Positions in a decoded source count decoded bytes, and going back means decoding from the start.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import zstandard

from services.shared.errors import CorruptCompression, DecompressionBomb, UnsupportedCompression
from services.worker.csv.dialect import Dialect

READ_BYTES = 1 << 20
RATIO_GRACE_BYTES = 16 << 20
_ESCAPE_ERRORS = "headwater.csv.escape"
_UTF8_NAMES = ("utf-8", "ascii")
_GZIP = 31  # zlib's window bits for a gzip member
_CODECS = {"cp932": "cp932", "shift_jis": "cp932"}


@dataclass(frozen=True)
class DecodeLimits:
    """How far a compressed file may unpack: in all, and as a multiple of what was read (zeros reach 1,029:1 in gzip)."""

    max_decoded_bytes: int = 1 << 40
    max_ratio: int = 1100


class Source(Protocol):
    """Bytes of UTF-8 by position; `read` gives fewer than asked only at the end of what there is."""

    def read(self, offset: int, size: int) -> bytes: ...

    def is_end(self, offset: int) -> bool:
        """Whether no byte is known at `offset`."""
        ...


def open_source(stream: BinaryIO, dialect: Dialect, *, available: int, final: bool, limits: DecodeLimits) -> Source:
    """Return the first `available` bytes of the stream as UTF-8; `final` says that this is the whole file."""
    if dialect.compression == "none" and codecs.lookup(dialect.encoding).name in _UTF8_NAMES:
        return _Plain(stream, available)
    return _Decoded(decoded(stream, dialect, available=available, final=final, limits=limits))


def decoded(stream: BinaryIO, dialect: Dialect, *, available: int, final: bool, limits: DecodeLimits) -> Iterator[bytes]:
    """Yield the stream as UTF-8 from its start, in pieces of about a megabyte."""
    stream.seek(0)
    raw = _limited(stream, available)
    match dialect.compression:
        case "none":
            unpacked = raw
        case "gzip":
            unpacked = _bounded(_Gunzip(raw, final=final), limits)
        case "zstd":
            unpacked = _bounded(_Unzstd(raw, final=final), limits)
        case other:
            raise UnsupportedCompression(f"{other!r} can't be unpacked.")
    if codecs.lookup(dialect.encoding).name in _UTF8_NAMES:
        return unpacked
    return _transcoded(unpacked, dialect.encoding, final=final)


class _Plain:
    def __init__(self, stream: BinaryIO, available: int) -> None:
        self._stream = stream
        self._available = available

    def read(self, offset: int, size: int) -> bytes:
        wanted = min(size, self._available - offset)
        if wanted <= 0:
            return b""
        self._stream.seek(offset)
        data = self._stream.read(wanted)
        while len(data) < wanted and (more := self._stream.read(wanted - len(data))):
            data += more
        return data

    def is_end(self, offset: int) -> bool:
        return offset >= self._available


class _Decoded:
    """Decoded bytes from `_begin` on; what lies before the last position read is forgotten."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._begin = 0
        self._buffer = bytearray()
        self._ended = False

    def read(self, offset: int, size: int) -> bytes:
        while self._begin < offset and not self._ended:
            self._fill(min(offset, self._begin + len(self._buffer) + 1))
            self._forget(offset)
        self._fill(offset + size)
        position = offset - self._begin
        return bytes(self._buffer[position : position + size])

    def is_end(self, offset: int) -> bool:
        self._fill(offset + 1)
        return offset >= self._begin + len(self._buffer)

    def _fill(self, end: int) -> None:
        while not self._ended and self._begin + len(self._buffer) < end:
            piece = next(self._pieces, None)
            if piece is None:
                self._ended = True
            else:
                self._buffer += piece

    def _forget(self, offset: int) -> None:
        passed = min(offset - self._begin, len(self._buffer))
        if passed > 0:
            del self._buffer[:passed]
            self._begin += passed


def _limited(stream: BinaryIO, available: int) -> Iterator[bytes]:
    left = available
    while left > 0 and (data := stream.read(min(READ_BYTES, left))):
        left -= len(data)
        yield data


class _Unpacker(Protocol):
    consumed: int

    def pieces(self) -> Iterator[bytes]: ...


def _bounded(unpacker: _Unpacker, limits: DecodeLimits) -> Iterator[bytes]:
    total = 0
    for piece in unpacker.pieces():
        total += len(piece)
        if total > limits.max_decoded_bytes:
            raise DecompressionBomb(f"The file unpacks to more than {limits.max_decoded_bytes} bytes.")
        if total > RATIO_GRACE_BYTES and total > limits.max_ratio * unpacker.consumed:
            raise DecompressionBomb(f"{unpacker.consumed} bytes unpack to more than {total}: over {limits.max_ratio} times as many.")
        yield piece


class _Gunzip:
    """Every member of a gzip file; zero bytes may pad its end."""

    def __init__(self, raw: Iterator[bytes], *, final: bool) -> None:
        self._raw = raw
        self._final = final
        self.consumed = 0

    def pieces(self) -> Iterator[bytes]:
        member = zlib.decompressobj(_GZIP)
        begun = False
        for chunk in self._raw:
            self.consumed += len(chunk)
            data = chunk
            while data:
                if not begun:
                    data = data.lstrip(b"\0") if self.consumed > len(chunk) or data is not chunk else data
                    if not data:
                        break
                begun = True
                try:
                    piece = member.decompress(data, READ_BYTES)
                except zlib.error as error:
                    raise CorruptCompression(f"The gzip data is damaged within its first {self.consumed} bytes: {error}.") from error
                if piece:
                    yield piece
                data = member.unconsumed_tail
                if member.eof:
                    data = member.unused_data
                    member = zlib.decompressobj(_GZIP)
                    begun = False
        if begun and self._final:
            raise CorruptCompression(f"The gzip data ends in the middle, after {self.consumed} bytes.")


class _Unzstd:
    """Every frame of a zstd file."""

    def __init__(self, raw: Iterator[bytes], *, final: bool) -> None:
        self._raw = raw
        self._final = final
        self.consumed = 0

    def pieces(self) -> Iterator[bytes]:
        frame = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
        begun = False
        for chunk in self._raw:
            for start in range(0, len(chunk), _ZSTD_STEP_BYTES):
                data = chunk[start : start + _ZSTD_STEP_BYTES]
                self.consumed += len(data)
                while data:
                    begun = True
                    try:
                        piece = frame.decompress(data)
                    except zstandard.ZstdError as error:
                        raise CorruptCompression(f"The zstd data is damaged within its first {self.consumed} bytes: {error}.") from error
                    if piece:
                        yield piece
                    data = b""
                    if frame.eof:
                        data = frame.unused_data
                        frame = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
                        begun = False
        if begun and self._final:
            raise CorruptCompression(f"The zstd data ends in the middle, after {self.consumed} bytes.")


_ZSTD_STEP_BYTES = 512  # a zstd block of 128 KiB can shrink to a few bytes, and what one call unpacks can't be limited


def _transcoded(pieces: Iterator[bytes], encoding: str, *, final: bool) -> Iterator[bytes]:
    codecs.register_error(_ESCAPE_ERRORS, _escape_bad_bytes)
    decoder = codecs.getincrementaldecoder(_CODECS.get(encoding, encoding))(errors=_ESCAPE_ERRORS)
    for piece in pieces:
        if text := decoder.decode(piece):
            yield text.encode("utf-8", "surrogatepass")
    if final and (text := decoder.decode(b"", final=True)):
        yield text.encode("utf-8", "surrogatepass")


def _escape_bad_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end
