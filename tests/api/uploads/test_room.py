"""Quota and disk: refused before it is full, and by name."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.uploads.conftest import StartServer
from tests.api.uploads.server import TUS, Server

MIB = 2**20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 48 MiB, made by whoever may; elsewhere the setting stands for it."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)], capture_output=True, check=False).returncode == 0
    yield folder
    if made:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def crowded(small_disk: Path) -> Iterator[Server]:
    """A server with about 32 MiB of room above what it keeps free."""
    free = _free(small_disk)
    kept = free - 32 * MIB
    server = Server(small_disk, min_free_bytes=kept, part_bytes=MIB, upload_idle_s=5).start()
    yield server
    server.close()


def test_announced_lengths_are_counted(crowded: Server) -> None:
    """What others announced and have not sent is not promised twice; a deleted upload gives its room back."""
    first = crowded.create(20 * MIB)
    refused = crowded.http.post("/v1/uploads", headers={**TUS, "Upload-Length": str(20 * MIB)})
    assert (refused.status_code, refused.json()["code"]) == (507, "insufficient_storage")
    assert refused.headers["Tus-Resumable"] == "1.0.0"
    whole = crowded.http.post("/v1/uploads", content=bytes(20 * MIB))
    assert whole.status_code == 507
    assert crowded.http.delete(first).status_code == 204
    assert crowded.http.post("/v1/uploads", content=bytes(20 * MIB)).status_code == 201


def test_unknown_length_ends_before_the_disk_is_full(crowded: Server) -> None:
    """A body of unknown length gets no room that others have announced; it ends with 507 and a failed upload."""
    crowded.create(10 * MIB)
    answer = crowded.http.post("/v1/uploads", params={"filename": "endless"}, content=(bytes(MIB // 2) for _ in range(100)))
    assert (answer.status_code, answer.json()["code"]) == (507, "insufficient_storage")
    failed = crowded.http.get("/v1/uploads", params={"q": "endless"}).json()["items"][0]
    assert (failed["state"], failed["error"]["code"]) == ("failed", "insufficient_storage")
    assert failed["offset"] < 26 * MIB
    assert crowded.http.get("/v1/uploads").status_code == 200


def test_full_disk_keeps_what_counted(small_disk: Path) -> None:
    """A disk that fills in the middle of a PATCH answers 507; the upload goes on from its last part once there is room."""
    own = shutil.disk_usage(small_disk).total < 100 * MIB
    server = Server(small_disk, min_free_bytes=0 if own else _free(small_disk) - 8 * MIB, part_bytes=MIB).start()
    try:
        data = bytes(range(256)) * 4096 * 20
        path = server.create(None)
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(_free(small_disk) - 8 * MIB if own else 0))
        answer = server.patch(path, 0, data)
        assert (answer.status_code, answer.json()["code"]) == (507, "insufficient_storage")
        server.kill()
        ballast.unlink()
        server.settings["min_free_bytes"] = 0
        server.start()
        offset = server.offset(path)
        assert 0 < offset < len(data)
        assert server.patch(path, offset, data[offset:], Upload_Length=str(len(data))).status_code == 204
        assert server.stored(path) == data
    finally:
        server.close()


def test_largest_upload(start_server: StartServer) -> None:
    """The limit itself is accepted, one byte more is not."""
    server = start_server(max_upload_bytes=1000)
    assert server.http.post("/v1/uploads", content=bytes(1000)).status_code == 201
    assert server.http.post("/v1/uploads", content=bytes(1001)).json()["code"] == "upload_too_large"


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free
