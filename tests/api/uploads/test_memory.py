"""Memory of the api while uploads of any size arrive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.api.uploads.conftest import StartServer
from tests.api.uploads.server import BYTES, Server

MIB = 2**20
_PIECE = bytes(MIB)


def test_one_stream_of_200_mb(start_server: StartServer) -> None:
    """One stream adds at most 10 MB to its process."""
    _check_growth(start_server(), lambda server: _stream(server, 200), at_most=10 * MIB)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_stream_of_2_gb(start_server: StartServer) -> None:
    """Ten times the bytes need no more memory."""
    _check_growth(start_server(), lambda server: _stream(server, 2000), at_most=10 * MIB)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_32_streams_at_once(start_server: StartServer) -> None:
    """32 streams at once add at most 64 MB."""

    def streams(server: Server) -> None:
        with ThreadPoolExecutor(32) as pool:
            list(pool.map(lambda _: _stream(server, 64), range(32)))

    _check_growth(start_server(), streams, at_most=64 * MIB)


def _check_growth(server: Server, work: Callable[[Server], None], *, at_most: int) -> None:
    _stream(server, 4)
    process = server.serving()[0]
    before = highest = process.memory_info().rss
    done = threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.02):
            highest = max(highest, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work(server)
    finally:
        done.set()
        watcher.join()
    print(f"grew by {(highest - before) / MIB:.1f} MiB")
    assert highest - before <= at_most, f"{(highest - before) / MIB:.1f} MiB"


def _stream(server: Server, mib: int) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(mib):
            yield _PIECE

    path = server.create(mib * MIB)
    with httpx.Client(base_url=server.url, trust_env=False, timeout=300) as client:
        headers = {**BYTES, "Upload-Offset": "0", "Content-Length": str(mib * MIB)}
        assert client.patch(path, content=pieces(), headers=headers).status_code == 204
    server.http.delete(path)
