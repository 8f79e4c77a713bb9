"""What a client remembers of the uploads it has begun, so that another process can go on: one small file each, in the user's state folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_HEAD_BYTES = 64 * 1024
_KEPT_S = 14 * 24 * 3600.0


@dataclass(frozen=True)
class Fingerprint:
    """What tells one content of a file from another, without reading it all."""

    size: int
    mtime_ns: int
    head: str

    @classmethod
    def of(cls, descriptor: int) -> Fingerprint:
        """Look at an open file."""
        found = os.fstat(descriptor)
        return cls(found.st_size, found.st_mtime_ns, hashlib.sha256(os.pread(descriptor, _HEAD_BYTES, 0)).hexdigest())


@dataclass(frozen=True)
class Piece:
    """One upload of a file, or of a part of it; `id` is None until the server is known to have created it under `key`."""

    start: int
    length: int
    key: str
    id: str | None = None


@dataclass(frozen=True)
class Memo:
    """An upload that has begun: of which content, announced how, in which pieces; `key` joins several."""

    fingerprint: Fingerprint
    metadata: str
    key: str
    pieces: tuple[Piece, ...]


class Memory:
    """The memos of one server."""

    def __init__(self, url: str, folder: Path | None = None) -> None:
        self._url = url
        self._folder = folder or _state_folder() / "headwater" / "uploads"

    def find(self, path: Path) -> Memo | None:
        """Return what is known of an upload of this file; what can't be read is not known."""
        try:
            kept = json.loads(self._place(path).read_text())
            pieces = tuple(Piece(**piece) for piece in kept["pieces"])
            return Memo(Fingerprint(**kept["fingerprint"]), kept["metadata"], kept["key"], pieces)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, path: Path, memo: Memo) -> None:
        """Remember; a crash leaves the memo before or this one. Where nothing can be written, nothing is remembered."""
        content = {"file": str(path), "server": self._url, **asdict(memo)}
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._folder, suffix=".tmp", delete=False) as draft:
                json.dump(content, draft, indent=1)
            Path(draft.name).replace(self._place(path))
            _forget_old(tuple(self._folder.iterdir()))

    def forget(self, path: Path) -> None:
        """Remember no longer."""
        with contextlib.suppress(OSError):
            self._place(path).unlink(missing_ok=True)

    def _place(self, path: Path) -> Path:
        name = hashlib.sha256(f"{self._url}\n{path}".encode(errors="surrogateescape")).hexdigest()
        return self._folder / f"{name[:32]}.json"


def _state_folder() -> Path:
    named = os.environ.get("XDG_STATE_HOME", "")
    return Path(named) if named.startswith("/") else Path.home() / ".local" / "state"


def _forget_old(files: Sequence[Path]) -> None:
    """Remove what is older than any upload that could still go on."""
    for file in files:
        with contextlib.suppress(OSError):
            if time.time() - file.stat().st_mtime > _KEPT_S:
                file.unlink()
