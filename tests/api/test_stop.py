"""The api stops soon whenever it is asked to."""

from __future__ import annotations

from pathlib import Path

from tests.api.uploads.server import Server, until


def test_it_stops_at_once_while_it_starts(tmp_path: Path) -> None:
    """A process that does not serve yet has nothing to finish, and ends with the first signal."""
    server = Server(tmp_path, workers=2)
    try:
        server.begin()
        until(server.serving, timeout_s=40, what="a process begins to start")
        assert server.terminate() < 5
    finally:
        server.close()
