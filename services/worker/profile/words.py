"""Digits in eight-byte words: which bytes are digits and what number they make, for whole arrays at once."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from services.worker.profile.cells import I64, KEEP_LOW, U64, Cells

HIGH_BITS: Final = np.array([0x8080808080808080 & ((1 << (8 * k)) - 1) for k in range(9)], dtype=np.uint64)
ZEROS: Final = np.uint64(0x3030303030303030)
LOW7: Final = np.uint64(0x7F7F7F7F7F7F7F7F)
TEN: Final = np.uint64(0x7676767676767676)
HIGH: Final = np.uint64(0x8080808080808080)
LOWER: Final = np.uint64(0x2020202020202020)
NIBBLES: Final = np.uint64(0x0F0F0F0F0F0F0F0F)
ONE: Final = np.uint64(1)


def word(text: str) -> np.uint64:
    """Return up to eight ASCII characters as a cell's first word."""
    return np.uint64(int.from_bytes(text.encode("ascii"), "little"))


def nondigits(words: U64) -> U64:
    """Set the high bit of every byte that is not 0-9."""
    x = words ^ ZEROS
    result = x & LOW7
    result += TEN
    result |= x
    result &= HIGH
    return result


def bytes_equal(words: U64, byte: str) -> U64:
    """Set the high bit of every byte that equals `byte`."""
    x = words ^ np.uint64(ord(byte) * 0x0101010101010101)
    return ~(((x & LOW7) + LOW7) | x) & HIGH


def first_byte(marks: U64) -> I64:
    """Return the index of the first marked byte, 8 where none is."""
    result: I64 = (np.bitwise_count((marks & (~marks + ONE)) - ONE) >> 3).astype(np.int64)
    return result


def byte(words: U64, index: int) -> U64:
    return (words >> np.uint64(8 * index)) & np.uint64(0xFF)


def number(words: U64) -> U64:
    """Read eight digit bytes (ASCII or zero) as one number."""
    x = words & NIBBLES
    x = (x * np.uint64(10) + (x >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    x = (x * np.uint64(100) + (x >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    return (x * np.uint64(10000) + (x >> np.uint64(32))) & np.uint64(0xFFFFFFFF)


def digits_before(cells: Cells, ends: I64, counts: npt.NDArray[Any], longest: int) -> U64:
    """Read the `counts` digits (at most 19) that stand before each byte position in `ends`."""
    value = number(cells.gather(ends - 8) & ~KEEP_LOW.take(8 - counts, mode="clip"))
    if longest > 8:
        value += number(cells.gather(ends - 16) & ~KEEP_LOW.take(16 - counts, mode="clip")) * np.uint64(10**8)
    if longest > 16:
        value += number(cells.gather(ends - 24) & ~KEEP_LOW.take(24 - counts, mode="clip")) * np.uint64(10**16)
    return value


def leading_digits(cells: Cells, positions: I64, left: I64) -> tuple[U64, I64]:
    """Return the word at each position, cut to `left` bytes, and how many digits open it (at most 8)."""
    words = cells.gather(positions) & KEEP_LOW.take(left, mode="clip")
    return words, first_byte(nondigits(words))


def digit_run(cells: Cells, positions: I64, ends: I64, *, longest: int = 512) -> I64:
    """Return how many digits stand from each position on, up to `ends` and at most `longest`."""
    run: I64 = np.minimum(leading_digits(cells, positions, ends - positions)[1], np.maximum(ends - positions, 0))
    for offset in range(8, longest, 8):
        more = np.flatnonzero(run == offset)
        if not len(more):
            break
        left = ends[more] - positions[more] - offset
        run[more] += np.minimum(leading_digits(cells, positions[more] + offset, left)[1], np.maximum(left, 0))
    return run
