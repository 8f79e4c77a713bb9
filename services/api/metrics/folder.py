"""The folder in which the api's processes count what they do; the library that counts finds it in the environment."""

from __future__ import annotations

import os
import shutil

from services.shared.settings import Settings

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_BYTES = 256 * 1024
_KINDS = ("counter", "histogram")


def make_folder(settings: Settings) -> None:
    """Begin with an empty folder and let the processes that are started from now on count there."""
    folder = settings.home.resolve() / "run" / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ[VARIABLE] = str(folder)


def reserve_room() -> None:
    """Take the disk's room for this process's counts now: a count that finds the disk full would end the process (they are mapped into memory)."""
    folder = os.environ.get(VARIABLE)
    for kind in _KINDS if folder is not None else ():
        handle = os.open(f"{folder}/{kind}_{os.getpid()}.db", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(handle, 0, _BYTES)
        finally:
            os.close(handle)
