"""The storage port: objects by key, written once and whole, and the parts of raw uploads.

Guarantees every adapter gives: an object appears under its key complete or not at all; a written object is durable before
`open_write` ends; reading needs memory that does not grow with the object. A raw upload is a sequence of immutable parts;
a part counts only once its record says so, so what a writer stored for nothing may be overwritten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class ObjectInfo:
    """An object's key and its size in bytes."""

    key: str
    size: int


@dataclass(frozen=True)
class LocalFile:
    """An object that the api itself sends, from this path."""

    path: Path


@dataclass(frozen=True)
class RedirectUrl:
    """An object that the client fetches elsewhere, at a URL with a short life."""

    url: str


Delivery = LocalFile | RedirectUrl


class Storage(Protocol):
    """Objects by key; a key is a relative path with `/`, never a client's words."""

    def open_read(self, key: str) -> BinaryIO:
        """Open a seekable stream; raise StorageObjectMissing."""
        ...

    def open_write(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Open a stream whose bytes become the object when the block ends well; an exception leaves nothing."""
        ...

    def find(self, key: str) -> ObjectInfo | None:
        """Return the object's size, or None."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield the objects below a prefix, in the order of their keys."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Make `target` the same object as `source` without moving its bytes through this process."""
        ...

    def delete_prefix(self, prefix: str) -> int:
        """Delete every object below a prefix (which ends in `/`); return how many there were."""
        ...

    def delivery(self, key: str, *, filename: str, media_type: str) -> Delivery:
        """Say how a client gets the whole object."""
        ...

    def engine_location(self, prefix: str) -> str:
        """Return a prefix as the query engine names it (a folder, or an `s3://` URI)."""
        ...

    def free_bytes(self) -> int | None:
        """Return the room that is left, or None where there is no such limit."""
        ...

    def check(self) -> None:
        """Raise Unavailable if objects can't be written now."""
        ...


@dataclass(frozen=True)
class Part:
    """One stored part of a raw upload; concatenation lets it lie in another upload's bytes."""

    offset: int
    length: int
    crc32: int
    source_id: str
    source_offset: int


class PartsWriter(Protocol):
    """Takes the bytes of an upload, one part after the other; counts nothing by itself."""

    async def write(self, pieces: Sequence[bytes]) -> None:
        """Append bytes to the part; raise InsufficientStorage when there is no room."""
        ...

    def cut(self) -> Part:
        """End the part here and begin the next one; it is durable only after `sync`."""
        ...

    async def sync(self) -> None:
        """Make every part cut so far durable; the next part may be written meanwhile."""
        ...

    def stamp(self) -> int:
        """Say in one number what was written until now, so that a later writer can be refused if another one came between."""
        ...


class RawParts(Protocol):
    """The parts of raw uploads."""

    def open_writer(self, upload_id: str, offset: int, *, wait_s: float, stamp: int | None = None) -> AbstractAsyncContextManager[PartsWriter]:
        """Open the one writer at this upload; raise UploadLocked if another one stays longer than `wait_s`.

        While it is open no other process writes a byte of the upload. Check the recorded offset inside: it may have moved.
        With the `stamp` of an earlier writer, raise UploadLocked if another one has written since.
        """
        ...

    def open(self, parts: Sequence[Part]) -> BinaryIO:
        """Open a seekable stream over contiguous parts."""
        ...

    def free(self, upload_id: str) -> None:
        """Delete an upload's bytes; twice does no harm."""
        ...

    def list_ids(self) -> Iterator[str]:
        """Yield the ids of all uploads that have bytes."""
        ...
