"""Physical lines: where they end, in files whose line end is `\\n` or `\\r\\n`, and in those where a lone `\\r` counts too."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from services.worker.csv.blocks import Offsets

_EITHER = re.compile(rb"\r\n|\n|\r")

LF, CR, CRLF = b"\n", b"\r", b"\r\n"


@dataclass(frozen=True)
class Lines:
    """The line ends of one dialect; `universal` lets a lone `\\r` end a line."""

    universal: bool

    def end(self, data: bytes, position: int, stop: int) -> int:
        """Return where the last byte of the next line end is (its `\\n`, or its lone `\\r`), or -1."""
        if not self.universal:
            return data.find(LF, position, stop)
        match = _EITHER.search(data, position, stop)
        return match.end() - 1 if match else -1

    def after(self, data: bytes, position: int, stop: int, *, last: bool) -> int:
        """Return where the line after the one at `position` begins, or -1 while that is not known."""
        end = self.end(data, position, stop)
        if end < 0:
            return stop if last else -1
        if end + 1 == stop and not last and data[end : end + 1] == CR:
            return -1
        return end + 1

    def content_end(self, data: bytes, start: int, following: int, *, last: bool) -> int:
        """Return where the text of the line `data[start:following]` ends; `last` allows a line end cut short by the end of the file."""
        end = following
        if end > start and data[end - 1 : end] == LF:
            end -= 1
            return end - 1 if end > start and data[end - 1 : end] == CR else end
        if end > start and data[end - 1 : end] == CR and (self.universal or last):
            end -= 1
        return end

    def skip_end(self, data: bytes, position: int, stop: int) -> int:
        """Return the position behind the line end that stands at `position` (or `position`, at the end of the file)."""
        if data.startswith(CRLF, position):
            return min(position + 2, stop)
        return min(position + 1, stop)

    def count(self, data: bytes, stop: int) -> int:
        """Return how many line ends `data[:stop]` has, those inside quotes too."""
        feeds = int(np.count_nonzero(np.frombuffer(data, dtype=np.uint8, count=stop) == 10))
        return feeds + data.count(CR, 0, stop) - data.count(CRLF, 0, stop) if self.universal else feeds

    def ends(self, data: bytes, stop: int) -> Offsets:
        """Return the position of the last byte of every line end of `data[:stop]`."""
        array = np.frombuffer(data, dtype=np.uint8, count=stop)
        ends = array == 10
        if self.universal:
            returns = array == 13
            returns[:-1] &= ~ends[1:]
            ends |= returns
        return np.flatnonzero(ends).astype(np.int64, copy=False)
