"""A server to measure beside, or to be measured: it runs for as long as a block does."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.stack import until

_STARTS_WITHIN_S = 60
_STOPS_WITHIN_S = 30


@contextmanager
def serving(command: list[str], port: int, *, folder: Path, environment: Mapping[str, str]) -> Iterator[int]:
    """Start a server, wait until its port takes connections, and give its process id."""
    process = subprocess.Popen(command, cwd=folder, env=environment)
    try:
        until(lambda: process.poll() is not None or _answers(port), timeout_s=_STARTS_WITHIN_S, what=f"{command[0]} serves")
        assert process.poll() is None, f"{command} ended"
        yield process.pid
    finally:
        process.terminate()
        process.wait(_STOPS_WITHIN_S)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True
