"""The journal keeps every process's lines within bounds, and nothing stops it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from headwater.journal import LOGS_KEPT, Console, Journal


def test_a_log_starts_anew_at_its_size(tmp_path: Path) -> None:
    """However much a process says, its logs stay bounded, and the newest lines are there."""
    journal = Journal(tmp_path, log_bytes=1000)
    for number in range(1000):
        journal.write("chatty", f"line {number}")
    journal.close()

    files = sorted(file.name for file in tmp_path.iterdir())
    assert files == ["chatty.log", *(f"chatty.log.{n}" for n in range(1, LOGS_KEPT + 1))]
    assert all(file.stat().st_size <= 1000 for file in tmp_path.iterdir())
    assert (tmp_path / "chatty.log").read_text().splitlines()[-1] == "line 999"


def test_a_line_can_not_command_the_terminal(tmp_path: Path) -> None:
    """Escape sequences, in a file's name for one, are made visible; tabs and letters of any script stay."""
    journal = Journal(tmp_path)
    journal.write("api", "\x1b]0;owned\x07\tGrüße \u9b5a \x9b31m")

    assert journal.tail("api") == ["\ufffd]0;owned\ufffd\tGrüße \u9b5a \ufffd31m"]
    journal.close()


def test_a_terminal_that_stands_still_stops_nothing(tmp_path: Path) -> None:
    """Lines that the console can't take are counted, and are all in the file."""
    reader, writer = os.pipe()
    stream = os.fdopen(writer, "w")
    journal = Journal(tmp_path, console=Console(stream, names=["api"], colour=False))
    for number in range(30_000):
        journal.write("api", f"line {number}")
    assert len((tmp_path / "api.log").read_text().splitlines()) == 30_000

    with ThreadPoolExecutor(1) as other, os.fdopen(reader, "rb") as terminal:
        shown = other.submit(terminal.read)
        journal.close()
        stream.close()
        text = shown.result(timeout=10).decode()

    dropped = 30_000 - text.count("line ")
    assert dropped > 0
    assert text.endswith(f"… {dropped} lines are in the log files only\n")


def test_a_closed_terminal_stops_nothing(tmp_path: Path) -> None:
    """`make up | head` and a terminal window that was closed leave the logs and the supervisor as they were."""
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w", buffering=1)
    journal = Journal(tmp_path, console=Console(stream, names=["api"], colour=False))
    journal.write("api", "one")
    journal.write("api", "two")
    journal.close()
    with suppress(BrokenPipeError):
        stream.close()

    assert (tmp_path / "api.log").read_text() == "one\ntwo\n"
