"""The smallest and the largest text of many cells, in code point order, found eight bytes at a time."""

from typing import Final

import numpy as np

from services.worker.profile.cells import I64, KEEP_LOW, U64, Cells

COMPARED_BYTES: Final = 64
KEPT_BYTES: Final = 4096  # cutting keeps the order, so the least of the cut is the cut of the least


def text_extremes(cells: Cells) -> tuple[bytes, bytes]:
    """Return the least and the greatest cell as UTF-8 (whose byte order is code point order), cut to KEPT_BYTES."""
    keys = cells.word0.byteswap()
    return _extreme(cells, keys, largest=False), _extreme(cells, keys, largest=True)


def _extreme(cells: Cells, keys: U64, *, largest: bool) -> bytes:
    index: I64 = np.flatnonzero(keys == (keys.max() if largest else keys.min()))
    for offset in range(8, COMPARED_BYTES, 8):
        if len(index) == 1 or not (cells.lens[index] > offset).any():
            break
        words = cells.gather(cells.starts[index] + offset) & KEEP_LOW.take(cells.lens[index] - offset, mode="clip")
        words = np.where(cells.lens[index] > offset, words, 0).byteswap()
        index = index[words == (words.max() if largest else words.min())]
    texts = (_bytes(cells, int(position)) for position in _different(cells, index))
    return max(texts) if largest else min(texts)


def _different(cells: Cells, index: I64) -> I64:
    """Drop repetitions among cells that agree in their first COMPARED_BYTES."""
    if len(index) == 1:
        return index
    if int(cells.lens[index].max()) <= COMPARED_BYTES:
        return index[np.unique(cells.lens[index], return_index=True)[1]]
    _, first = np.unique(cells.take(index).hashes(), return_index=True)
    return index[first]


def _bytes(cells: Cells, position: int) -> bytes:
    start = int(cells.starts[position])
    return cells.data[start : start + min(int(cells.lens[position]), KEPT_BYTES)].tobytes()
