"""The journal: every line of every process, in a file of bounded size each, and side by side on the console."""

from __future__ import annotations

import logging
import queue
import threading
from collections import defaultdict, deque
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

LOG_BYTES = 16 * 1024 * 1024
LOGS_KEPT = 3
OWN_NAME = "headwater"

_TAIL_LINES = 20
_CONSOLE_LINES = 10_000
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_UNPRINTABLE = dict.fromkeys((*range(9), *range(10, 32), *range(127, 160)), "�")


class Journal:
    """Takes lines by the name of who wrote them; a full disk or a closed terminal never stops the supervisor."""

    def __init__(self, folder: Path, *, console: Console | None = None, log_bytes: int = LOG_BYTES) -> None:
        self._folder = folder
        self._console = console
        self._log_bytes = log_bytes
        self._files: dict[str, _LogFile] = {}
        self._tails: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=_TAIL_LINES))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, name: str, line: str) -> None:
        """Keep one line of `name`, made printable."""
        line = line.translate(_UNPRINTABLE)
        self._tails[name].append(line)
        if name not in self._files:
            self._files[name] = _LogFile(self._folder / f"{name}.log", log_bytes=self._log_bytes)
        self._files[name].handle(logging.makeLogRecord({"msg": line}))
        if self._console is not None:
            self._console.show(name, line)

    def say(self, line: str) -> None:
        """Write a line of the supervisor's own."""
        self.write(OWN_NAME, line)

    def tail(self, name: str) -> list[str]:
        """Return the last lines of `name`."""
        return list(self._tails[name])

    def close(self) -> None:
        """Close the files and let the console finish."""
        for file in self._files.values():
            file.close()
        if self._console is not None:
            self._console.close()


class Console:
    """Prefixed lines on a stream, from a thread of its own: a terminal that stands still costs lines, not supervision."""

    def __init__(self, stream: TextIO, *, names: list[str], colour: bool) -> None:
        self._stream = stream
        self._width = max(map(len, [*names, OWN_NAME]))
        self._colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(names)} if colour else {}
        self._lines: queue.Queue[str | None] = queue.Queue(maxsize=_CONSOLE_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._pump, name="console", daemon=True)
        self._thread.start()

    def show(self, name: str, line: str) -> None:
        """Queue one line; drop it, and count it, while the terminal takes nothing."""
        prefix = f"{name:<{self._width}} │"
        if name in self._colours:
            prefix = f"\x1b[{self._colours[name]}m{prefix}\x1b[0m"
        self.text(f"{prefix} {line}")

    def text(self, text: str) -> None:
        """Queue text as it is."""
        try:
            if self._dropped:
                self._lines.put_nowait(self._note())
                self._dropped = 0
            self._lines.put_nowait(text)
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Wait a moment for what is queued."""
        try:
            if self._dropped:
                self._lines.put(self._note(), timeout=1)
            self._lines.put(None, timeout=1)
        except queue.Full:
            return
        self._thread.join(timeout=2)

    def _note(self) -> str:
        return f"… {self._dropped} lines are in the log files only"

    def _pump(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._stream.write(line + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                continue


class _LogFile(RotatingFileHandler):
    """A log file that starts anew at a size; what the disk refuses is lost without a word."""

    def __init__(self, path: Path, *, log_bytes: int) -> None:
        super().__init__(path, maxBytes=log_bytes, backupCount=LOGS_KEPT, encoding="utf-8", errors="replace")

    def handleError(self, record: logging.LogRecord) -> None:
        """Go on: there is no place left to complain."""
