"""SHA-256 that can be interrupted: libcrypto's own context bytes go into the checkpoint, which hashlib's state cannot.

Where no libcrypto is found, or its answer differs from hashlib's on a trial, `resumable()` is false and a resumed run hashes the
prefix of the file again.
"""

import _hashlib
import ctypes
import ctypes.util
import hashlib
from functools import cache
from typing import Any, Final, Self

CONTEXT_BYTES: Final = 256  # SHA256_CTX has 112; room for other builds
DIGEST_BYTES: Final = 32
TRIAL: Final = bytes(range(256)) * 7


class Sha256:
    """A running digest of the bytes given so far."""

    def __init__(self) -> None:
        self.size = 0
        self._library = _library()
        self._context = ctypes.create_string_buffer(CONTEXT_BYTES)
        self._plain = hashlib.sha256()
        if self._library is not None:
            self._library.SHA256_Init(self._context)

    @classmethod
    def restore(cls, size: int, context: bytes) -> Self:
        """Go on after `size` bytes; `context` is what `context()` gave."""
        digest = cls()
        digest.size = size
        ctypes.memmove(digest._context, context, CONTEXT_BYTES)
        return digest

    def update(self, data: bytes) -> None:
        """Add bytes; the interpreter is free meanwhile."""
        if self._library is not None:
            self._library.SHA256_Update(self._context, data, len(data))
        else:
            self._plain.update(data)
        self.size += len(data)

    def context(self) -> bytes | None:
        """Return the state to save, or None where it cannot be had."""
        return None if self._library is None else self._context.raw

    def hexdigest(self) -> str:
        if self._library is None:
            return self._plain.hexdigest()
        copy = ctypes.create_string_buffer(self._context.raw, CONTEXT_BYTES)
        result = ctypes.create_string_buffer(DIGEST_BYTES)
        self._library.SHA256_Final(result, copy)
        return result.raw.hex()


def resumable() -> bool:
    """Tell whether a digest can be saved and restored on this machine."""
    return _library() is not None


@cache
def _library() -> Any:
    """Return the libcrypto that hashlib itself uses, else the system's; None unless it agrees with hashlib."""
    for name in (getattr(_hashlib, "__file__", None), ctypes.util.find_library("crypto")):
        if name is None:
            continue
        try:
            library = ctypes.CDLL(name)
            library.SHA256_Init.argtypes = [ctypes.c_void_p]
            library.SHA256_Update.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
            library.SHA256_Final.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        except (OSError, AttributeError):
            continue
        if _agrees(library):
            return library
    return None


def _agrees(library: Any) -> bool:
    context = ctypes.create_string_buffer(CONTEXT_BYTES)
    library.SHA256_Init(context)
    library.SHA256_Update(context, TRIAL, len(TRIAL))
    moved = ctypes.create_string_buffer(context.raw, CONTEXT_BYTES)
    library.SHA256_Update(moved, TRIAL[:100], 100)
    result = ctypes.create_string_buffer(DIGEST_BYTES)
    library.SHA256_Final(result, moved)
    return result.raw == hashlib.sha256(TRIAL + TRIAL[:100]).digest()
