"""A stream that hashes what is read through it, once and in order, in a thread beside the reading."""

import io
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO, Final

from services.worker.profile.digest import Sha256

OUTSTANDING: Final = 2
PIECE_BYTES: Final = 1 << 20


class HashedStream(io.BufferedIOBase):
    """Reads of `stream`; bytes that were hashed before are not hashed again, bytes that were skipped are fetched."""

    def __init__(self, stream: BinaryIO, digest: Sha256) -> None:
        self._stream = stream
        self._digest = digest
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sha256")
        self._waiting: deque[Future[None]] = deque()
        self.reached = digest.size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, size: int | None = -1, /) -> bytes:
        position = self._stream.tell()
        if position > self.reached:
            self.reach(position)
            self._stream.seek(position)
        data = self._stream.read(-1 if size is None else size)
        new = position + len(data) - self.reached
        if new > 0:
            self._submit(data if new == len(data) else data[-new:])
        return data

    def reach(self, end: int) -> None:
        """Hash up to `end`, reading what nobody asked for."""
        while self.reached < end:
            self._stream.seek(self.reached)
            data = self._stream.read(min(PIECE_BYTES, end - self.reached))
            if not data:
                raise EOFError(f"The raw object ends at byte {self.reached}; {end} were promised.")
            self._submit(data)

    def settle(self) -> None:
        """Wait until everything that was read is hashed, and end the thread."""
        try:
            while self._waiting:
                self._waiting.popleft().result()
        finally:
            self._pool.shutdown(wait=True)

    def _submit(self, data: bytes) -> None:
        while len(self._waiting) >= OUTSTANDING:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(self._digest.update, data))
        self.reached += len(data)
