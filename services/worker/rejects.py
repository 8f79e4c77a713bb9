"""Rejected records as objects: JSON Lines, and an index of byte offsets every 1,000 so that a page costs one seek.

Bytes of a record that are not UTF-8 are written as `\\xHH`.

A long job writes pieces, one between two checkpoints; at its end they are joined into `rejects.jsonl` and `rejects.idx`.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator

from services.shared.storage.port import Storage
from services.worker.csv.blocks import Reject
from services.worker.unfinished import Unfinished

INDEX_EVERY = 1_000
REJECTS = "rejects.jsonl"
INDEX = "rejects.idx"


class RejectPieces:
    """The rejects of one attempt, as finished pieces; nothing of a piece exists before it is cut."""

    def __init__(self, storage: Storage, prefix: str, keys: Iterable[str]) -> None:
        self._storage = storage
        self._prefix = prefix
        self._keys = list(keys)
        self._piece: Unfinished | None = None

    def add(self, rejects: Iterable[Reject]) -> None:
        """Write rejects to the present piece."""
        for reject in rejects:
            if self._piece is None:
                self._piece = Unfinished(self._storage, f"{self._prefix}rejects-{len(self._keys):06d}.jsonl")
            self._piece.stream.write(_line(reject))

    def cut(self) -> list[str]:
        """Finish the present piece and return the keys of all."""
        if self._piece is not None:
            piece, self._piece = self._piece, None
            piece.finish()
            self._keys.append(piece.key)
        return list(self._keys)

    def abandon(self) -> None:
        """Leave nothing of a piece that was not cut."""
        if self._piece is not None:
            piece, self._piece = self._piece, None
            piece.abandon()


def join_rejects(storage: Storage, pieces: Iterable[str], prefix: str) -> int:
    """Write the joined file and its index below `prefix`; return how many rejects there are."""
    offsets = array("Q")
    count = position = 0
    with storage.open_write(prefix + REJECTS) as target:
        for line in _lines(storage, pieces):
            if count % INDEX_EVERY == 0:
                offsets.append(position)
            target.write(line)
            position += len(line)
            count += 1
    with storage.open_write(prefix + INDEX) as index:
        index.write(offsets.tobytes())
    return count


def _lines(storage: Storage, pieces: Iterable[str]) -> Iterator[bytes]:
    for key in pieces:
        with storage.open_read(key) as piece:
            yield from piece


def _line(reject: Reject) -> bytes:
    record = {
        "line": reject.line,
        "byte_offset": reject.byte_offset,
        "code": reject.code,
        "detail": reject.detail,
        "raw": reject.raw.decode("utf-8", "backslashreplace"),
    }
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
