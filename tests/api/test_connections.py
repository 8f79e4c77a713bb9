"""Connections that are kept alive take nobody's place."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.api.uploads.server import Server

_KEPT = 600


def test_kept_connections_starve_nobody(tmp_path: Path) -> None:
    """Six hundred pages that poll one process stay connected, and who comes after them is answered."""
    server = Server(tmp_path)
    server.start()
    try:
        with ExitStack() as kept:
            for _ in range(_KEPT):
                connection = kept.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
                connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
                assert connection.recv(12) == b"HTTP/1.1 200"
            assert httpx.get(f"{server.url}/healthz", timeout=10, trust_env=False).status_code == 200
    finally:
        server.close()
