"""The text cells of one column of one block as numpy arrays over the Arrow buffer: eight-byte words, lengths, hashes; no Python object a cell."""

from collections.abc import Sequence
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

PAD: Final = 64
KEEP_LOW: Final = np.array([(1 << (8 * k)) - 1 for k in range(9)], dtype=np.uint64)
SEQUENTIAL_BYTES: Final = 64
HASH_A: Final = np.uint64(0x9E3779B97F4A7C15)
HASH_B: Final = np.uint64(0xC2B2AE3D27D4EB4F)
HASH_C: Final = np.uint64(0xFF51AFD7ED558CCD)
HASH_D: Final = np.uint64(0xC4CEB9FE1A85EC53)
S32: Final = np.uint64(32)
S29: Final = np.uint64(29)


class Cells:
    """Non-null cells; `starts` index the padded `data`, `weights` is how often each cell stands in the block (None: once)."""

    __slots__ = ("_source", "_windows", "_word0", "ascii", "data", "lens", "rows", "starts", "weights")

    def __init__(
        self, data: npt.NDArray[np.uint8], starts: I64, lens: I64, *, rows: I64 | None, weights: I64 | None, source: Any, is_ascii: bool
    ) -> None:
        self.data, self.starts, self.lens, self.rows, self.weights, self.ascii = data, starts, lens, rows, weights, is_ascii
        self._source = source
        self._windows: U64 = np.ndarray((len(data) - 7,), "<u8", data, 0, (1,))
        self._word0: U64 | None = None

    @classmethod
    def of(cls, array: Any, weights: I64 | None = None) -> Self:
        """Take a `pa.StringArray` (or large_string); `weights` are per row of it."""
        wide = pa.types.is_large_string(array.type)
        valid, raw, text = array.buffers()
        count = len(array)
        offsets = np.frombuffer(raw, dtype=np.int64 if wide else np.int32)[array.offset : array.offset + count + 1] if raw else np.zeros(1, np.int32)
        first, last = int(offsets[0]), int(offsets[-1])
        data = np.zeros(last - first + 2 * PAD, np.uint8)
        if last > first:
            data[PAD : PAD + last - first] = np.frombuffer(text, dtype=np.uint8, count=last - first, offset=first)
        ends = offsets.astype(np.int64)
        ends += PAD - first
        starts, lens = ends[:-1], np.diff(ends)
        is_ascii = bool(data.max(initial=0) < 128)
        if valid is None or array.null_count == 0:
            return cls(data, starts, lens, rows=None, weights=weights, source=array, is_ascii=is_ascii)
        rows = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))
        weights = None if weights is None else weights[rows]
        return cls(data, starts[rows], lens[rows], rows=rows, weights=weights, source=array, is_ascii=is_ascii)

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, index: npt.NDArray[Any]) -> "Cells":
        """Return the cells at `index` (positions or mask) over the same bytes."""
        positions = np.flatnonzero(index) if index.dtype == np.bool_ else index
        taken = Cells(
            self.data,
            self.starts[positions],
            self.lens[positions],
            rows=positions if self.rows is None else self.rows[positions],
            weights=None if self.weights is None else self.weights[positions],
            source=self._source,
            is_ascii=self.ascii,
        )
        if self._word0 is not None:
            taken._word0 = self._word0[positions]
        return taken

    def total(self, mask: Mask | None = None) -> int:
        """Count rows, weights considered."""
        if self.weights is None:
            return len(self) if mask is None else int(np.count_nonzero(mask))
        return int(self.weights.sum() if mask is None else self.weights[mask].sum())

    def gather(self, positions: I64) -> U64:
        """Load the eight bytes at each position, little-endian."""
        return self._windows[positions]

    def byte_at(self, positions: I64) -> npt.NDArray[np.uint8]:
        return self.data[positions]

    @property
    def word0(self) -> U64:
        """The first eight bytes of each cell, zero after its end."""
        if self._word0 is None:
            self._word0 = self._windows[self.starts] & KEEP_LOW.take(self.lens, mode="clip")
        return self._word0

    def chars(self) -> I64:
        """Return lengths in characters."""
        if self.ascii:
            return self.lens
        result: I64 = pc.utf8_length(self.array()).to_numpy().astype(np.int64)
        return result

    def hashes(self) -> U64:
        """Hash the bytes of each cell to 64 bits: a function of the cell alone, the same in every block and run."""
        lens = self.lens.astype(np.uint64)
        value = (self.word0 ^ (lens * HASH_B)) * HASH_A
        value ^= value >> S32
        longest = int(self.lens.max(initial=0))
        for offset in range(8, min(longest, SEQUENTIAL_BYTES), 8):
            more = np.flatnonzero(self.lens > offset)
            if len(more) == len(value):
                value = _stir(value, self._windows[self.starts + offset] & KEEP_LOW.take(self.lens - offset, mode="clip"))
            else:
                word = self._windows[self.starts[more] + offset] & KEEP_LOW.take(self.lens[more] - offset, mode="clip")
                value[more] = _stir(value[more], word)
        if longest > SEQUENTIAL_BYTES:
            for part in _portions(np.flatnonzero(self.lens > SEQUENTIAL_BYTES), self.lens):
                value[part] = _stir(value[part], self._tail_hash(part))
        value ^= value >> S29
        value *= HASH_C
        value ^= value >> S32
        value *= HASH_D
        value ^= value >> S29
        return value

    def _tail_hash(self, index: I64) -> U64:
        """Sum keyed, mixed words of what follows the first 64 bytes: linear in the bytes, however long a cell is."""
        starts, lens = self.starts[index] + SEQUENTIAL_BYTES, self.lens[index] - SEQUENTIAL_BYTES
        words = (lens + 7) >> 3
        heads = np.cumsum(words) - words
        number = np.arange(int(words.sum()), dtype=np.int64) - np.repeat(heads, words)
        left = np.repeat(lens, words) - (number << 3)
        mixed = self._windows[np.repeat(starts, words) + (number << 3)] & KEEP_LOW.take(left, mode="clip")
        mixed += (number.astype(np.uint64) + np.uint64(1)) * HASH_B
        mixed *= HASH_C
        mixed ^= mixed >> S32
        mixed *= HASH_D
        mixed ^= mixed >> S29
        result: U64 = np.add.reduceat(mixed, heads)
        return result

    def text(self, position: int) -> str:
        start = int(self.starts[position])
        return self.data[start : start + int(self.lens[position])].tobytes().decode("utf-8", "replace")

    def texts(self, positions: Sequence[int] | I64) -> list[str]:
        return [self.text(int(position)) for position in positions]

    def array(self) -> Any:
        """Return these cells as an Arrow array."""
        return self._source if self.rows is None else self._source.take(pa.array(self.rows))


def _stir(value: U64, word: U64) -> U64:
    value = (value ^ word) * HASH_D
    value ^= value >> S32
    return value


def _portions(index: I64, lens: I64, limit: int = 4 << 20) -> list[I64]:
    """Cut `index` so that no portion but a single cell has more than `limit` bytes: the words of a portion are held at once."""
    bounds = np.flatnonzero(np.diff(np.cumsum(lens[index]) // limit)) + 1
    return np.split(index, bounds)
