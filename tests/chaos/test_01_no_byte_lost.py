"""Invariant 1: no accepted byte is lost, whatever happens to the api and to the connection in the middle of a body."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.uploads.server import BYTES, TUS, Server, content
from tests.chaos.conftest import Source
from tests.chaos.hurts import since
from tests.chaos.proxy import Proxy
from tests.conftest import Measured
from tests.stack import Stack, until

_CHUNK = 64 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An api of two processes that are killed and started again."""
    server = Server(tmp_path_factory.mktemp("mortal"), workers=2, part_bytes=1 << 20, part_seconds=0.2).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def front(server: Server) -> Iterator[Proxy]:
    """What lies between the client and the api."""
    with Proxy(server.port) as front:
        yield front


class Client:
    """A tus client that goes on where `HEAD` says, and keeps account of what was acknowledged."""

    def __init__(self, server: Server, front: Proxy, dice: random.Random) -> None:
        self.counts: Counter[str] = Counter()
        self._server = server
        self._front = front
        self._dice = dice
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{front.port}", timeout=30, trust_env=False)
        self._acknowledged = 0

    def send(self, data: bytes, *, faults: int) -> str:
        """Upload, with so many faults at random bytes; return the upload's path."""
        path = self._server.create(len(data))
        at = sorted(self._dice.randrange(len(data)) for _ in range(faults))
        self._acknowledged = offset = 0
        while offset < len(data):
            fault_at = next((byte for byte in at if byte >= offset), None)
            if fault_at is None:
                self._patch(path, offset, data[offset:], lambda: None, at=None)
            else:
                self._patch(path, offset, data[offset : self._end(fault_at, len(data))], self._fault(fault_at - offset), at=fault_at - offset)
                at = [byte for byte in at if byte > fault_at]
            offset = self._offset(path)
        return path

    def close(self) -> None:
        self._http.close()

    def _end(self, fault_at: int, size: int) -> int:
        """Return where the body with the fault ends: mostly behind it, now and then just there."""
        return min(size, fault_at + 1 + self._dice.randrange(4 * _CHUNK))

    def _fault(self, count: int) -> Callable[[], None]:
        """Choose what happens after so many bytes of the body."""
        name = self._dice.choices(["cut", "reset", "kill one", "kill all"], weights=[3, 3, 3, 1])[0]
        self.counts[name] += 1
        match name:
            case "cut":
                self._http.close()
                self._http = httpx.Client(base_url=str(self._http.base_url), timeout=30, trust_env=False)
                self._front.cut_after(count + self._dice.randrange(2000))
                return self._nothing
            case "reset":
                return lambda: (self._front.reset(), None)[1]
            case "kill one":
                return self._kill_one
            case _:
                return self._kill_all

    def _nothing(self) -> None:
        return

    def _kill_one(self) -> None:
        serving = self._server.serving()
        if serving:
            os.kill(self._dice.choice(serving).pid, signal.SIGKILL)

    def _kill_all(self) -> None:
        self._server.kill()
        self._server.start()

    def _patch(self, path: str, offset: int, piece: bytes, fault: Callable[[], None], *, at: int | None) -> None:
        def body() -> Iterator[bytes]:
            for start in range(0, len(piece), _CHUNK):
                if at is not None and start <= at < start + _CHUNK:
                    yield piece[start:at]
                    fault()
                    yield piece[at : start + _CHUNK]
                else:
                    yield piece[start : start + _CHUNK]

        headers = {**BYTES, "Upload-Offset": str(offset), "Content-Length": str(len(piece))}
        try:
            answer = self._http.patch(path, content=body(), headers=headers)
        except httpx.TransportError:
            self.counts["broken"] += 1
        else:
            assert answer.status_code in (204, 409, 423, 503), answer.text
            if answer.status_code == 204:
                self._acknowledged = int(answer.headers["Upload-Offset"])
                assert self._acknowledged == offset + len(piece)
        finally:
            self._front.heal()

    def _offset(self, path: str) -> int:
        """Ask where the upload stands until an answer comes; never less than what was acknowledged."""

        def ask() -> int | None:
            self._server.revive()
            try:
                answer = self._http.head(path, headers=TUS)
            except httpx.TransportError:
                return None
            return int(answer.headers["Upload-Offset"]) if answer.status_code == 200 else None

        offset = until(ask, timeout_s=60, what="HEAD answers")
        self.counts["bytes_lost"] += max(0, self._acknowledged - offset)
        return offset


@pytest.mark.timeout(180)
def test_no_accepted_byte_is_lost(server: Server, front: Proxy, dice: random.Random, measured: Measured) -> None:
    """HEAD never tells less than an acknowledged offset, and what is stored in the end is the source, byte for byte."""
    go_through(server, front, dice, measured, uploads=3, size=6_000_000, faults=4)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_accepted_byte_of_forty_large_uploads_is_lost(server: Server, front: Proxy, dice: random.Random, measured: Measured) -> None:
    """The long form: 40 uploads of 40 MB."""
    go_through(server, front, dice, measured, uploads=40, size=40_000_000, faults=3)


def go_through(server: Server, front: Proxy, dice: random.Random, measured: Measured, *, uploads: int, size: int, faults: int) -> None:
    """Send files with faults and compare what was stored with what was sent."""
    started = time.monotonic()
    client = Client(server, front, dice)
    wrong = 0
    for _ in range(uploads):
        data = content(size, seed=dice.getrandbits(32))
        path = client.send(data, faults=faults)
        wrong += hashlib.sha256(server.stored(path)).digest() != hashlib.sha256(data).digest()
        server.http.delete(path)
    client.close()
    measured(uploads=uploads, megabytes=uploads * size // 1_000_000, **client.counts, files_wrong=wrong, seconds=since(started))
    assert client.counts["bytes_lost"] == wrong == 0


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_digest_is_right_after_the_deaths_of_the_whole_api(stack: Stack, source: Source) -> None:
    """A tus upload through the whole product: the profile finds the source's sha256 though the api was killed four times."""
    data = source.path.read_bytes()
    address = stack.http.post("/v1/uploads", headers={**TUS, "Upload-Length": str(len(data))}).headers["Location"]
    acknowledged = kills = 0
    while acknowledged < len(data):
        piece = data[acknowledged : acknowledged + 2_000_000]
        try:
            answer = stack.http.patch(address, content=piece, headers={**BYTES, "Upload-Offset": str(acknowledged)})
            assert answer.status_code == 204, answer.text
            acknowledged = int(answer.headers["Upload-Offset"])
            if kills < 4 and acknowledged > (kills + 1) * 4_000_000:
                stack.kill("api")
                kills += 1
        except httpx.TransportError:
            until(stack.ready, timeout_s=60, what="the api answers again")
            offset = int(stack.http.head(address, headers=TUS).headers["Upload-Offset"])
            assert offset >= acknowledged
            acknowledged = offset
    assert kills == 4
    upload_id = Path(address).name
    assert stack.profile(upload_id, timeout_s=120)["state"] == "succeeded"
    assert stack.http.get(f"/v1/uploads/{upload_id}").json()["sha256"] == hashlib.sha256(data).hexdigest()
