"""An object that is written from one call to the next: it appears whole when it is finished, or never."""

from __future__ import annotations

from services.shared.storage.port import Storage


class Unfinished:
    """An object being written; nothing exists under its key before `finish`."""

    def __init__(self, storage: Storage, key: str) -> None:
        self.key = key
        self._opened = storage.open_write(key)
        self.stream = self._opened.__enter__()

    @property
    def size(self) -> int:
        """How many bytes are written so far."""
        return self.stream.tell()

    def finish(self) -> int:
        """Let the object appear; return its bytes."""
        size = self.size
        self._opened.__exit__(None, None, None)
        return size

    def abandon(self) -> None:
        """Leave nothing behind."""
        try:
            self._opened.__exit__(InterruptedError, InterruptedError(f"{self.key} was abandoned"), None)
        except InterruptedError:
            return
