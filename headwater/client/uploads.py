"""Uploads: files and streams sent by tus, resumed where an earlier process stopped; and what the server knows of them."""

from __future__ import annotations

import base64
import contextlib
import os
import stat
import threading
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, cast

from headwater.client.errors import Failed, HeadwaterError, Refused, SourceChanged
from headwater.client.memory import Fingerprint, Memo, Memory, Piece
from headwater.client.models import Preview, Reject, Upload
from headwater.client.sending import TUS, FileSource, Report, Sender, StreamSource, Tally, check_unchanged
from headwater.client.transport import Transport

_SMALLEST_PIECE_BYTES = 1 << 20
_GONE = (404, 410)


@dataclass(frozen=True)
class Sending:
    """How to send: under which name, announcing which SHA-256, in how many pieces at once, and whether to go on with what was begun."""

    filename: str | None = None
    sha256: str | None = None
    parallel: int = 1
    resume: bool = True


class Uploads:
    """The uploads of a server."""

    def __init__(self, transport: Transport, memory: Memory) -> None:
        self._transport = transport
        self._memory = memory

    def send_file(self, path: Path, sending: Sending = Sending(), *, report: Report | None = None) -> Upload:
        """Send a file, or what the server does not have of it yet, and return the complete upload; a pipe with a name is a stream."""
        path = path.resolve()
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return self.send_stream(file, replace(sending, filename=sending.filename or path.name), report=report)
            known = Fingerprint.of(file.fileno())
            metadata = _metadata(sending.filename or path.name, sending.sha256)
            memo = self._begin(path, known, metadata, sending)
            try:
                upload_id = self._send_pieces(path, file.fileno(), memo, Tally(report, known.size))
                check_unchanged(file.fileno(), known)
            except SourceChanged:
                self._abandon(path)
                raise
        self._memory.forget(path)
        return self._complete(upload_id)

    def send_stream(self, stream: BinaryIO, sending: Sending = Sending(filename="stdin.csv"), *, report: Report | None = None) -> Upload:
        """Send a stream of unknown length; it survives broken connections, but not the death of this process."""
        announced = {"Upload-Defer-Length": "1", "Upload-Metadata": _metadata(sending.filename or "stdin.csv", sending.sha256)}
        upload_id = self._create(announced, key=_new_key())["id"]
        try:
            length = Sender(self._transport, Tally(report, None), threading.Event()).send(upload_id, StreamSource(stream))
            self._transport.patiently(lambda: self._end(upload_id, length))
        except BaseException:
            with contextlib.suppress(HeadwaterError):
                self.delete(upload_id)
            raise
        return self._complete(upload_id)

    def get(self, upload_id: str) -> Upload:
        """Return an upload."""
        return cast(Upload, self._transport.get(f"/v1/uploads/{upload_id}"))

    def list(self, *, states: Sequence[str] = (), search: str | None = None, limit: int | None = None) -> Iterator[Upload]:
        """Give the uploads, newest first."""
        return self._transport.items("/v1/uploads", limit=limit, state=tuple(states), q=search)

    def delete(self, upload_id: str, *, force: bool = False) -> None:
        """Delete an upload and its bytes; `force` although a version refers to it."""
        self._transport.request("DELETE", f"/v1/uploads/{upload_id}", params={"force": "true"} if force else None)

    def preview(self, upload_id: str, *, rows: int = 50) -> Preview | None:
        """Return the first rows as raw text, or None as long as there is no preview."""
        answer = self._transport.patiently(lambda: self._transport.request("GET", f"/v1/uploads/{upload_id}/preview", params={"rows": rows}))
        return None if answer.status_code == 202 else cast(Preview, answer.json())

    def rejects(self, upload_id: str, *, limit: int | None = None) -> Iterator[Reject]:
        """Give the records of an upload that could not be read, in the order of the file."""
        return self._transport.items(f"/v1/uploads/{upload_id}/rejects", limit=limit)

    def _begin(self, path: Path, known: Fingerprint, metadata: str, sending: Sending) -> Memo:
        """Return what was begun with this very content, or a new beginning; what was begun with another one is deleted."""
        memo = self._memory.find(path)
        if memo is not None and sending.resume and (memo.fingerprint, memo.metadata) == (known, metadata):
            return memo
        if memo is not None:
            self._abandon(path)
        memo = Memo(known, metadata, _new_key(), _cut(known.size, sending.parallel))
        self._memory.keep(path, memo)
        return memo

    def _send_pieces(self, path: Path, descriptor: int, memo: Memo, tally: Tally) -> str:
        stop = threading.Event()
        memo = self._created(path, memo)

        def send(piece: Piece) -> None:
            source = FileSource(descriptor, piece, memo.fingerprint)
            Sender(self._transport, tally, stop).send(str(piece.id), source, start=piece.start)

        with ThreadPoolExecutor(len(memo.pieces)) as pool:
            try:
                for ended in as_completed([pool.submit(send, piece) for piece in memo.pieces]):
                    ended.result()
            except BaseException:
                stop.set()
                raise
        if len(memo.pieces) == 1:
            return str(memo.pieces[0].id)
        addresses = " ".join(f"/v1/uploads/{piece.id}" for piece in memo.pieces)
        return self._create({"Upload-Concat": f"final;{addresses}", "Upload-Metadata": memo.metadata}, key=memo.key)["id"]

    def _created(self, path: Path, memo: Memo) -> Memo:
        """Return the memo with an upload that takes bytes for each piece; keys are remembered first, so each is created once, whatever dies."""
        known = [piece if piece.id is None or self._goes_on(piece.id) else replace(piece, key=_new_key(), id=None) for piece in memo.pieces]
        if tuple(known) != memo.pieces:
            memo = replace(memo, pieces=tuple(known))
            self._memory.keep(path, memo)
        announced = {"Upload-Concat": "partial"} if len(known) > 1 else {"Upload-Metadata": memo.metadata}
        pieces = [
            piece if piece.id is not None else replace(piece, id=self._create({"Upload-Length": str(piece.length), **announced}, key=piece.key)["id"])
            for piece in known
        ]
        memo = replace(memo, pieces=tuple(pieces))
        self._memory.keep(path, memo)
        return memo

    def _goes_on(self, upload_id: str) -> bool:
        try:
            return self.get(upload_id)["state"] in ("receiving", "complete")
        except Refused as error:
            if error.status in _GONE:
                return False
            raise

    def _create(self, announced: dict[str, str], *, key: str) -> Upload:
        headers = {**TUS, **announced, "Idempotency-Key": key}
        return cast(Upload, self._transport.patiently(lambda: self._transport.json("POST", "/v1/uploads", headers=headers)))

    def _end(self, upload_id: str, length: int) -> None:
        """Give an upload of deferred length its length."""
        if self.get(upload_id)["state"] == "complete":
            return
        headers = {**TUS, "Upload-Offset": str(length), "Upload-Length": str(length), "Content-Type": "application/offset+octet-stream"}
        self._transport.request("PATCH", f"/v1/uploads/{upload_id}", headers=headers)

    def _complete(self, upload_id: str) -> Upload:
        upload = self.get(upload_id)
        if upload["state"] != "complete":
            raise Failed(f"/v1/uploads/{upload_id}", upload["error"])
        return upload

    def _abandon(self, path: Path) -> None:
        """Delete what was begun of a file and is of no use any more; a complete upload is not touched."""
        memo = self._memory.find(path)
        pieces = memo.pieces if memo is not None else ()
        for upload_id in [piece.id for piece in pieces if piece.id is not None]:
            with contextlib.suppress(HeadwaterError):
                if len(pieces) > 1 or self.get(upload_id)["state"] == "receiving":
                    self.delete(upload_id)
        self._memory.forget(path)


def _cut(size: int, parallel: int) -> tuple[Piece, ...]:
    """Return the ranges to send at once, in order."""
    count = max(1, min(parallel, size // _SMALLEST_PIECE_BYTES))
    edges = [size * at // count for at in range(count + 1)]
    return tuple(Piece(first, last - first, _new_key()) for first, last in pairwise(edges))


def _metadata(filename: str, sha256: str | None) -> str:
    values = {"filename": os.fsencode(filename), **({} if sha256 is None else {"sha256": sha256.encode()})}
    return ",".join(f"{key} {base64.b64encode(value).decode()}" for key, value in values.items())


def _new_key() -> str:
    return uuid.uuid4().hex
