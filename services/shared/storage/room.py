"""Room on the disk: how its end is told from other failures, wherever it is met."""

from __future__ import annotations

import errno

from sqlalchemy.exc import DBAPIError

from services.shared.errors import InsufficientStorage

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SAID = ("No space left on device", "disk is full")


def disk_full() -> InsufficientStorage:
    """Return the problem of a disk without room, with the way out."""
    return InsufficientStorage("The disk is full. Free some room (files that nobody needs, uploads, old results), and try again.")


def is_disk_full(error: BaseException) -> bool:
    """Tell whether a failure, or what caused it, was a disk without room; libraries say so by number or in words."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _NO_ROOM:
            return True
        if isinstance(cause, (OSError, DBAPIError)) and any(words in str(cause) for words in _SAID):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
