"""Upload-Checksum: nothing of a body counts until all of it matches."""

from __future__ import annotations

import fcntl
import socket

import pytest

from tests.api.uploads.server import BYTES, Server, answer_of, checksum, content, until


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_matching_body_counts(api: Server, algorithm: str) -> None:
    """A body of several parts with its checksum is stored."""
    data = content(20_000_000)
    path = api.create(len(data))
    assert api.patch(path, 0, data, Upload_Checksum=checksum(data, algorithm)).status_code == 204
    assert api.get(path)["state"] == "complete"
    assert api.stored(path) == data


def test_mismatch_drops_the_whole_body_and_a_retry_succeeds(api: Server) -> None:
    """460 leaves the offset where it was, also when several parts had been written; the next attempt stores the right bytes."""
    data = content(20_000_000)
    path = api.create(len(data))
    assert api.patch(path, 0, data[:1000]).status_code == 204
    wrong = bytearray(data[1000:])
    wrong[-1] ^= 1
    refused = api.patch(path, 1000, bytes(wrong), Upload_Checksum=checksum(data[1000:]))
    assert (refused.status_code, refused.json()["code"]) == (460, "checksum_mismatch")
    assert api.offset(path) == 1000
    assert api.patch(path, 1000, data[1000:], Upload_Checksum=checksum(data[1000:])).status_code == 204
    assert api.stored(path) == data


def test_broken_body_with_checksum_counts_nothing(api: Server) -> None:
    """A connection that breaks can't have matched; without the checksum its bytes would have stayed."""
    data = content(1_000_000)
    path = api.create(len(data))
    connection = _begin(api, path, data, sent=700_000)
    connection.close()
    assert api.patch(path, 0, data, Upload_Checksum=checksum(data)).status_code == 204
    assert api.stored(path) == data


def test_slow_body_with_checksum(api: Server) -> None:
    """Pauses longer than a part's time let the lock go and do no harm when nobody else writes."""
    data = content(600_000)
    path = api.create(len(data))
    connection = _begin(api, path, data, sent=300_000)
    until(lambda: not _locked(api, path), what="the lock is let go while nothing arrives")
    connection.sendall(data[300_000:])
    assert answer_of(connection)[0] == 204
    assert api.stored(path) == data


def test_another_writer_between_refuses_the_slow_body(api: Server) -> None:
    """Who wrote over pending bytes meanwhile, counted or not, makes the slow body fail and never mixes into it."""
    data, other = content(600_000), content(600_000, seed=1)
    path = api.create(len(data))
    connection = _begin(api, path, data, sent=300_000)
    until(lambda: not _locked(api, path), what="the lock is let go while nothing arrives")
    assert api.patch(path, 0, other[:1000], Upload_Checksum=checksum(b"something else")).status_code == 460
    connection.sendall(data[300_000:])
    assert answer_of(connection)[0] == 423
    assert api.offset(path) == 0
    connection = _begin(api, path, data, sent=300_000)
    until(lambda: not _locked(api, path), what="the lock is let go while nothing arrives")
    assert api.patch(path, 0, other[:1000]).status_code == 204
    connection.sendall(data[300_000:])
    assert answer_of(connection)[0] in {409, 423}
    assert api.stored(path) == other[:1000]


def _begin(api: Server, path: str, data: bytes, *, sent: int) -> socket.socket:
    headers = {**BYTES, "Upload-Offset": "0", "Content-Length": str(len(data)), "Upload-Checksum": checksum(data)}
    connection = api.raw("PATCH", path, headers)
    connection.sendall(data[:sent])
    file = api.home / "objects" / "raw" / path.rpartition("/")[2]
    until(lambda: file.exists() and file.stat().st_size >= sent, what="the bytes are written")
    return connection


def _locked(api: Server, path: str) -> bool:
    with (api.home / "objects" / "raw" / path.rpartition("/")[2]).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
