"""Bytes on their way: one tus upload, chunk by chunk, from wherever the server has it.

Every chunk carries its SHA-256 and counts as a whole or not at all. Whatever goes wrong on the way, the server is asked where
the upload stands, and the sending goes on there for as long as something moves.
"""

from __future__ import annotations

import base64
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol, cast

from headwater.client.errors import CannotConnect, Failed, HeadwaterError, Refused, SourceChanged
from headwater.client.memory import Fingerprint, Piece
from headwater.client.models import Upload
from headwater.client.transport import Patience, Transport

TUS = {"Tus-Resumable": "1.0.0"}
Report = Callable[[int, int | None], None]
_FIRST_CHUNK_BYTES = 256 * 1024
_LARGEST_CHUNK_BYTES = 16 << 20
_QUICK_S = 1.0
_SLOW_S = 4.0
_SLICE_BYTES = 256 * 1024
_WRITTEN_BY_OTHERS = frozenset({"offset_mismatch", "part_conflict", "upload_incomplete", "checksum_mismatch", "upload_idle"})


class Source(Protocol):
    """Where the bytes of an upload come from."""

    def read(self, offset: int, most: int) -> bytes:
        """Return up to so many bytes from the offset on; nothing at the end. An offset may be asked for again, but none before the last."""
        ...


class FileSource:
    """A range of a file; raises SourceChanged when the file is no longer the one that was looked at."""

    def __init__(self, descriptor: int, piece: Piece, known: Fingerprint) -> None:
        self._descriptor = descriptor
        self._piece = piece
        self._known = known

    def read(self, offset: int, most: int) -> bytes:
        """Return the next bytes."""
        length = min(most, self._piece.length - offset)
        data = os.pread(self._descriptor, length, self._piece.start + offset)
        check_unchanged(self._descriptor, self._known)
        if len(data) < length:
            raise SourceChanged("The file became shorter while it was sent.")
        return data


class StreamSource:
    """A stream that can be read only once; the last chunk is kept until the server has it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._start = 0
        self._held = b""

    def read(self, offset: int, most: int) -> bytes:
        """Return what is held from the offset on, or the next bytes."""
        if offset == self._start + len(self._held):
            self._start, self._held = offset, self._stream.read(most)
        return self._held[offset - self._start :]


class Tally:
    """Adds up what several senders have sent, for one report."""

    def __init__(self, report: Report | None, total: int | None) -> None:
        self._report = report
        self._total = total
        self._sent: dict[int, int] = {}
        self._lock = threading.Lock()

    def set(self, start: int, sent: int) -> None:
        """Say how much of the piece that starts here was sent."""
        with self._lock:
            self._sent[start] = sent
            if self._report is not None:
                self._report(sum(self._sent.values()), self._total)


class Sender:
    """Sends one piece; `stop` ends it between two slices."""

    def __init__(self, transport: Transport, tally: Tally, stop: threading.Event) -> None:
        self._transport = transport
        self._tally = tally
        self._stop = stop
        self._chunk_bytes = _FIRST_CHUNK_BYTES

    def send(self, upload_id: str, source: Source, *, start: int = 0) -> int:
        """Send what the server does not have; return how much it has in the end."""
        patience = Patience(self._transport.patience_s, stop=self._stop)
        furthest = -1
        while True:
            try:
                offset = self.stands(upload_id)
                if offset > furthest:
                    furthest = offset
                    patience.renew()
                self._tally.set(start, offset)
                while data := source.read(offset, self._chunk_bytes):
                    offset = self._append(upload_id, offset, data, start)
                    furthest = offset
                    patience.renew()
            except (CannotConnect, Refused) as error:
                if not self._goes_on(error):
                    raise
                patience.wait_after(error)
            else:
                return offset

    def stands(self, upload_id: str) -> int:
        """Ask how much of an upload the server has; raise Failed if it takes no more."""
        upload = cast(Upload, self._transport.get(f"/v1/uploads/{upload_id}"))
        if upload["state"] in ("failed", "expired"):
            raise Failed(f"/v1/uploads/{upload_id}", upload["error"])
        return upload["offset"]

    def _append(self, upload_id: str, offset: int, data: bytes, start: int) -> int:
        began = time.monotonic()
        headers = {
            **TUS,
            "Upload-Offset": str(offset),
            "Upload-Checksum": "sha256 " + base64.b64encode(hashlib.sha256(data).digest()).decode(),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(len(data)),
        }
        self._transport.request("PATCH", f"/v1/uploads/{upload_id}", headers=headers, content=self._slices(data, offset, start))
        self._adapt(time.monotonic() - began)
        return offset + len(data)

    def _slices(self, data: bytes, offset: int, start: int) -> Iterator[bytes]:
        for at in range(0, len(data), _SLICE_BYTES):
            if self._stop.is_set():
                raise HeadwaterError("The sending was stopped.")
            yield data[at : at + _SLICE_BYTES]
            self._tally.set(start, offset + min(at + _SLICE_BYTES, len(data)))

    def _adapt(self, took_s: float) -> None:
        """Let a chunk take a second or a few: less is lost on a slow connection that breaks, less is waited on a quick one."""
        if took_s < _QUICK_S:
            self._chunk_bytes = min(4 * self._chunk_bytes, _LARGEST_CHUNK_BYTES)
        elif took_s > _SLOW_S:
            self._chunk_bytes = max(self._chunk_bytes // 2, _FIRST_CHUNK_BYTES)

    def _goes_on(self, error: HeadwaterError) -> bool:
        if self._stop.is_set():
            return False
        if isinstance(error, Refused) and (error.code in _WRITTEN_BY_OTHERS or error.status == 500):
            return True
        return self._transport.passes(error)


def check_unchanged(descriptor: int, known: Fingerprint) -> None:
    """Raise SourceChanged unless the open file is as it was."""
    now = os.fstat(descriptor)
    if (now.st_size, now.st_mtime_ns) != (known.size, known.mtime_ns):
        raise SourceChanged(f"The file changed while it was sent: it has {now.st_size} bytes, it had {known.size}. Send it again when it is whole.")
