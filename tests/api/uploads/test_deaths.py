"""Uploads through the death, the freezing and the rivalry of processes."""

from __future__ import annotations

import hashlib
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from services.shared.clock import utc_now
from services.shared.records.tables import uploads as table
from tests.api.uploads.conftest import StartServer
from tests.api.uploads.server import BYTES, Server, answer_of, content, until

SIZE = 20_000_000
SMALL_PARTS = {"part_bytes": 256 * 1024, "part_seconds": 0.2}


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that is killed and started again."""
    server = Server(tmp_path_factory.mktemp("mortal"), part_bytes=1_000_000).start()
    yield server
    server.close()


@settings(max_examples=3, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(cuts=st.lists(st.integers(1, SIZE - 1), min_size=1, max_size=2, unique=True), seed=st.integers(0, 2**32))
def test_kill_between_random_bytes(mortal: Server, cuts: list[int], seed: int) -> None:
    """However the api is killed in the middle of a body, HEAD never returns less than an acknowledged offset, and the
    file that is resumed from there has the right sha256."""
    data = content(SIZE, seed=seed)
    path = mortal.create(SIZE)
    acknowledged = 0
    for cut in sorted(cuts):
        start = mortal.offset(path)
        assert start >= acknowledged
        if cut <= start:
            continue
        half = (start + cut) // 2
        if half > start:
            acknowledged = int(mortal.patch(path, start, data[start:half]).headers["Upload-Offset"])
        connection = mortal.raw("PATCH", path, {**BYTES, "Upload-Offset": str(half), "Content-Length": str(SIZE - half)})
        connection.sendall(data[half:cut])
        mortal.kill()
        mortal.start()
        assert mortal.offset(path) >= acknowledged
    start = mortal.offset(path)
    assert mortal.patch(path, start, data[start:]).status_code == 204
    assert hashlib.sha256(mortal.stored(path)).digest() == hashlib.sha256(data).digest()
    mortal.http.delete(path)


def test_two_processes_without_sticky_sessions(start_server: StartServer) -> None:
    """Pieces and questions go to any process of two; every acknowledged byte is seen by both."""
    server = start_server(workers=2, **SMALL_PARTS)
    data = content(4_000_000)
    path = server.create(len(data))
    for start in range(0, len(data), 400_000):
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            headers = {**BYTES, "Upload-Offset": str(start)}
            assert client.patch(path, content=data[start : start + 400_000], headers=headers).status_code == 204
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            assert client.head(path, headers=BYTES).headers["Upload-Offset"] == str(start + 400_000)
    assert server.stored(path) == data


def test_writers_that_fight(start_server: StartServer) -> None:
    """Many writers with different bytes at one offset, on two processes: exactly one is counted, whole, and never a mix."""
    server = start_server(workers=2, upload_lock_s=20, **SMALL_PARTS)
    rivals = [content(2_000_000, seed=seed) for seed in range(6)]
    path = server.create(len(rivals[0]))
    together = threading.Barrier(len(rivals))

    def write(data: bytes) -> int:
        with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
            together.wait()
            return client.patch(path, content=data, headers={**BYTES, "Upload-Offset": "0"}).status_code

    with ThreadPoolExecutor(len(rivals)) as pool:
        statuses = list(pool.map(write, rivals))
    assert sorted(statuses) == [204, *[409] * 5]
    assert server.stored(path) == rivals[statuses.index(204)]


def test_frozen_process_with_the_lock(start_server: StartServer) -> None:
    """A process that freezes in the middle of a part keeps others out; when it wakes, its bytes and the rest are right."""
    server = start_server(workers=2, upload_lock_s=0.5, part_seconds=5)
    data = content(1_000_000)
    path = server.create(len(data))
    connection = server.raw("PATCH", path, {**BYTES, "Upload-Offset": "0", "Content-Length": str(len(data))})
    connection.sendall(data[:200_000])
    frozen = _holder(server, path)
    frozen.send_signal(signal.SIGSTOP)
    try:
        assert _elsewhere(server, path, 0, data) == 423
    finally:
        frozen.send_signal(signal.SIGCONT)
    connection.sendall(data[200_000:])
    assert answer_of(connection)[0] == 204
    assert server.stored(path) == data


def test_frozen_process_without_the_lock(start_server: StartServer) -> None:
    """A process that froze while it waited for bytes finds, awake again, that another went on, and changes nothing."""
    server = start_server(workers=2, part_seconds=0.2)
    data, stale = content(1_000_000), content(1_000_000, seed=1)
    path = server.create(len(data))
    connection = server.raw("PATCH", path, {**BYTES, "Upload-Offset": "0", "Content-Length": str(len(data))})
    connection.sendall(data[:200_000])
    frozen = _holder(server, path)
    until(lambda: server.offset(path) == 200_000 and not _holders(server, path), what="the short part counts")
    frozen.send_signal(signal.SIGSTOP)
    try:
        connection.sendall(stale[200_000:])
        until(lambda: _elsewhere(server, path, 200_000, data[200_000:700_000]) == 204, what="another process goes on")
    finally:
        frozen.send_signal(signal.SIGCONT)
    assert answer_of(connection)[0] == 409
    assert server.patch(path, 700_000, data[700_000:]).status_code == 204
    assert server.stored(path) == data


def test_sigterm_ends_after_the_current_part(start_server: StartServer) -> None:
    """A stopping server keeps what arrived, says 503 to a resumable upload, and is gone soon."""
    server = start_server(part_seconds=0.3)
    data = content(1_000_000)
    path = server.create(len(data))
    connection = server.raw("PATCH", path, {**BYTES, "Upload-Offset": "0", "Content-Length": str(len(data))})
    connection.sendall(data[:400_000])
    until(lambda: server.offset(path) > 0, what="bytes count")
    assert server.terminate() < 8
    assert answer_of(connection)[0] == 503
    server.start()
    assert server.offset(path) == 400_000
    assert server.patch(path, 400_000, data[400_000:]).status_code == 204
    assert server.stored(path) == data


def test_a_key_finds_what_a_dead_creation_has_left(start_server: StartServer) -> None:
    """Creation with bytes and a key, and the api is killed in the middle: the same request waits while the first may live, then gets its upload."""
    server = start_server(**SMALL_PARTS)
    data = content(1_000_000)
    headers = {**BYTES, "Upload-Length": str(len(data)), "Content-Length": str(len(data)), "Idempotency-Key": "mine"}
    connection = server.raw("POST", "/v1/uploads", headers)
    connection.sendall(data[:400_000])
    uploads = until(lambda: [one for one in server.get("/v1/uploads")["items"] if one["offset"] == 400_000], what="the first bytes count")
    server.kill()
    server.start()
    assert answer_of(server.raw("POST", "/v1/uploads", headers))[0] == 409
    with server.database.write() as tx:
        tx.execute(update(table).values(touched_at=utc_now() - timedelta(minutes=10)))
    for _ in range(2):
        status, answer = answer_of(server.raw("POST", "/v1/uploads", headers))
        assert status == 201
        assert f"location: /v1/uploads/{uploads[0]['id']}\r\n".encode() in answer.lower()
        assert b"upload-offset: 400000\r\n" in answer.lower()
    path = f"/v1/uploads/{uploads[0]['id']}"
    assert server.patch(path, 400_000, data[400_000:]).status_code == 204
    assert server.stored(path) == data


def _elsewhere(server: Server, path: str, offset: int, data: bytes) -> int:
    """Send bytes until a process that is not frozen answers."""
    for _ in range(40):
        try:
            with httpx.Client(base_url=server.url, trust_env=False, timeout=3) as client:
                return client.patch(path, content=data, headers={**BYTES, "Upload-Offset": str(offset)}).status_code
        except httpx.TransportError:
            continue
    raise AssertionError("no process answers")


def _holder(server: Server, path: str) -> psutil.Process:
    return until(lambda: _holders(server, path), what="a process writes")[0]


def _holders(server: Server, path: str) -> list[psutil.Process]:
    file = str(server.home / "objects" / "raw" / Path(path).name)
    return [process for process in server.serving() if file in {opened.path for opened in process.open_files()}]
