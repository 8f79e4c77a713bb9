"""Uploads of the client: whatever breaks, the bytes arrive once and are the file's."""

from __future__ import annotations

import hashlib
import io
import os
import random
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from headwater.client import CannotConnect, Client, Failed, Refused, SourceChanged
from tests.headwater.conftest import Call
from tests.headwater.wire import Wire

SIZE = 12_000_000
_BESIDE_BYTES = 60_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Twelve megabytes of records."""
    numbers = random.Random(7)
    lines = [f"{number},{numbers.getrandbits(256):064x}\n" for number in range(SIZE // 72)]
    path = tmp_path / "large.csv"
    path.write_text("number,text\n" + "".join(lines))
    return path


def digest(client: Client, upload_id: str) -> str:
    """Return the SHA-256 that the worker's pass over the stored bytes found."""
    return client.profile(upload_id)["sha256"]


def sha256(data: bytes) -> str:
    """Return what it should be."""
    return hashlib.sha256(data).hexdigest()


def kill_midway(headwater: Call, wire: Wire, file: Path, *more: str) -> None:
    """Let a process send half of the file, and kill it."""
    wire.hold_up(after=file.stat().st_size // 2)
    sending = headwater.start("upload", str(file), *more, url=wire.url)
    wire.wait_held(timeout_s=30)
    os.kill(sending.pid, signal.SIGKILL)
    sending.communicate()
    wire.drop()


@pytest.mark.parametrize("parallel", ["1", "3"])
def test_a_killed_upload_is_gone_on_with(headwater: Call, client: Client, wire: Wire, file: Path, parallel: str) -> None:
    """After kill -9 the same command sends what did not count yet, and nothing else."""
    kill_midway(headwater, wire, file, "--parallel", parallel)
    before = wire.up
    again = headwater("upload", str(file), "--parallel", parallel, url=wire.url)
    assert again.returncode == 0, again.stderr
    there = re.search(r"large.csv: ([0-9.]+) MB are there already", again.stderr)
    assert there is not None, again.stderr
    counted = float(there[1]) * 1_000_000
    assert counted >= 1_000_000
    assert wire.up - before <= file.stat().st_size - counted + 50_000 + _BESIDE_BYTES
    upload_id = again.stdout.split()[0]
    assert digest(client, upload_id) == sha256(file.read_bytes())
    assert not list((headwater.folder / "state" / "headwater" / "uploads").iterdir())


def test_another_content_is_another_upload(headwater: Call, client: Client, wire: Wire, file: Path) -> None:
    """A file that changed since its upload was killed is sent from its beginning, and the half of the old one is deleted."""
    kill_midway(headwater, wire, file)
    (begun,) = client.uploads.list(states=["receiving"], search="large.csv")
    file.write_text(file.read_text().replace("number,text", "number,word"))
    again = headwater("upload", str(file), "--json", url=wire.url)
    assert again.returncode == 0, again.stderr
    assert "already" not in again.stderr
    (sent,) = client.uploads.list(states=["complete"], search="large.csv", limit=1)
    assert sent["id"] != begun["id"]
    assert digest(client, sent["id"]) == sha256(file.read_bytes())
    with pytest.raises(Refused) as gone:
        client.uploads.get(begun["id"])
    assert gone.value.status in (404, 410)


def test_broken_connections_are_survived(connect: Callable[..., Client], wire: Wire, file: Path) -> None:
    """A connection that breaks five times on the way costs no byte, and only the chunks it broke in are sent again."""
    client = connect(wire.url)
    wire.cut_up(100_000, 1_000_000, 3_000_000, 5_000_000, 9_000_000)
    seen: list[int] = []
    upload = client.upload(file, report=lambda done, _: seen.append(done))
    assert digest(client, upload["id"]) == sha256(file.read_bytes())
    assert seen[-1] == file.stat().st_size


def test_a_stream_survives_broken_connections(connect: Callable[..., Client], wire: Wire, file: Path) -> None:
    """A stream can't be read twice; what is not acknowledged yet is kept until it is."""
    client = connect(wire.url)
    wire.cut_up(100_000, 2_000_000, 6_000_000)
    with file.open("rb") as stream:
        upload = client.upload(stream, filename="piped.csv")
    assert (upload["filename"], upload["size"]) == ("piped.csv", file.stat().st_size)
    assert digest(client, upload["id"]) == sha256(file.read_bytes())


def test_a_file_that_changes_meanwhile_is_no_upload(client: Client, file: Path) -> None:
    """What is written to while it is sent is refused here, and leaves nothing there."""

    def write_to_it(done: int, _: int | None) -> None:
        if done > 1_000_000:
            with file.open("ab") as writing:
                writing.write(b"1,late\n")

    with pytest.raises(SourceChanged, match="The file changed while it was sent"):
        client.upload(file, filename="changing.csv", report=write_to_it)
    assert list(client.uploads.list(search="changing.csv")) == []


@pytest.mark.parametrize("source", ["file", "stream"])
def test_nothing_is_an_upload_too(client: Client, tmp_path: Path, source: str) -> None:
    """No bytes arrive as no bytes; that no table can be made of them is said by the profile."""
    empty = tmp_path / "nothing.csv"
    empty.touch()
    upload = client.upload(empty if source == "file" else io.BytesIO())
    assert (upload["state"], upload["size"]) == ("complete", 0)
    with pytest.raises(Failed) as failed:
        client.profile(upload["id"])
    assert failed.value.code == "empty_file"


def test_a_pipe_with_a_name_is_a_stream(client: Client, tmp_path: Path) -> None:
    """A pipe has no size, and is no empty file."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    writing = threading.Thread(target=lambda: pipe.write_bytes(b"a\n1\n"))
    writing.start()
    upload = client.upload(pipe)
    writing.join()
    assert (upload["filename"], upload["size"]) == ("pipe.csv", 4)


def test_without_a_memory_it_still_sends(client: Client, tmp_path: Path) -> None:
    """Where nothing can be remembered a file arrives all the same."""
    (tmp_path / "state").write_text("in the way")
    small = tmp_path / "small.csv"
    small.write_text("a\n1\n")
    assert client.upload(small)["size"] == 4


def test_an_announced_digest_is_checked(client: Client, tmp_path: Path) -> None:
    """A file that is not the announced one does not become a profile."""
    small = tmp_path / "small.csv"
    small.write_text("a\n1\n")
    upload = client.upload(small, sha256="0" * 64)
    with pytest.raises(Failed) as failed:
        client.profile(upload["id"])
    assert failed.value.code == "checksum_mismatch"


def test_a_server_that_never_answered_is_not_waited_for(connect: Callable[..., Client], file: Path) -> None:
    """Nothing at the address is said at once, and leaves the file for later."""
    with pytest.raises(CannotConnect):
        connect("http://127.0.0.1:1").upload(file)
