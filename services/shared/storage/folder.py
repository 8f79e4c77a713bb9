"""Storage in a folder: one file an object, renamed into place once it is synced."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from services.shared.errors import StorageObjectMissing, Unavailable
from services.shared.ids import new_id
from services.shared.storage.port import Delivery, LocalFile, ObjectInfo

_PARTIAL = ".partial"
_BUFFER_BYTES = 1 << 20


class FolderStorage:
    """Objects below one folder; the last part of a key is the file's name."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._root.mkdir(parents=True, exist_ok=True)

    def open_read(self, key: str) -> BinaryIO:
        """Open the object's file."""
        try:
            return self._path(key).open("rb", buffering=_BUFFER_BYTES)
        except FileNotFoundError as error:
            raise StorageObjectMissing(f"The object {key} is not there.") from error

    @contextmanager
    def open_write(self, key: str) -> Iterator[BinaryIO]:
        """Write beside the target, sync, rename: a crash leaves a file that `sweep_partials` takes away."""
        target = self._path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{new_id('w')}{_PARTIAL}")
        try:
            with partial.open("w+b", buffering=_BUFFER_BYTES) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
            sync_folder(target.parent)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def find(self, key: str) -> ObjectInfo | None:
        """Return the object's size, or None."""
        try:
            return ObjectInfo(key, self._path(key).stat().st_size)
        except FileNotFoundError:
            return None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield the objects below a folder."""
        top = self._path(prefix)
        for folder, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                found = None if name.endswith(_PARTIAL) else self.find(path.relative_to(self._root).as_posix())
                if found is not None:
                    yield found

    def copy(self, source: str, target: str) -> None:
        """Link the file: an object is never changed, so two names may share its bytes."""
        path = self._path(target)
        path.parent.mkdir(parents=True, exist_ok=True)
        linked = path.with_name(f".{path.name}.{new_id('w')}{_PARTIAL}")
        try:
            os.link(self._path(source), linked)
        except FileNotFoundError as error:
            raise StorageObjectMissing(f"The object {source} is not there.") from error
        linked.replace(path)
        linked.unlink(missing_ok=True)
        sync_folder(path.parent)

    def delete_prefix(self, prefix: str) -> int:
        """Delete a folder and what is below it."""
        if not prefix.endswith("/"):
            raise ValueError(f"a prefix ends in a slash: {prefix}")
        count = sum(1 for _ in self.list(prefix))
        shutil.rmtree(self._path(prefix), ignore_errors=True)
        return count

    def delivery(self, key: str, *, filename: str, media_type: str) -> Delivery:  # noqa: ARG002 - the api sets both headers itself
        """The api sends the file."""
        path = self._path(key)
        if not path.exists():
            raise StorageObjectMissing(f"The object {key} is not there.")
        return LocalFile(path)

    def engine_location(self, prefix: str) -> str:
        """Return the folder's path."""
        return str(self._path(prefix))

    def free_bytes(self) -> int | None:
        """Return the room left on the folder's disk."""
        return shutil.disk_usage(self._root).free

    def check(self) -> None:
        """Raise Unavailable if the folder can't be written."""
        if not os.access(self._root, os.W_OK):
            raise Unavailable("The folder of stored objects can't be written.")

    def _path(self, key: str) -> Path:
        path = self._root / key
        if ".." in Path(key).parts or not path.is_relative_to(self._root):
            raise ValueError(f"not a key: {key}")
        return path


def sync_folder(path: Path) -> None:
    """Let what was made or renamed in a folder survive the loss of power."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
