"""Ids: opaque, prefixed, sortable by time (a UUIDv7 in lower-case Crockford base 32)."""

from __future__ import annotations

import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str) -> str:
    """Return `prefix_` and 26 characters; later ids sort after earlier ones (to the millisecond)."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    version = value & ~(0xF << 76) | 0x7 << 76
    uuid = version & ~(0x3 << 62) | 0x2 << 62
    digits = []
    for _ in range(26):
        digits.append(_ALPHABET[uuid & 31])
        uuid >>= 5
    return f"{prefix}_{''.join(reversed(digits))}"


def time_of(identifier: str) -> float:
    """Return when the id was made, in seconds since 1970."""
    value = 0
    for digit in identifier.rpartition("_")[2]:
        value = value << 5 | _ALPHABET.index(digit)
    return (value >> 80) / 1000
