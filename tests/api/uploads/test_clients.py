"""Stock tus clients, unchanged: killed in the middle, resumed in a new process."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.api.uploads.server import Server, content

CLIENTS = Path(__file__).resolve().parents[2] / "clients"
SIZE = 12_345_678


@pytest.fixture(scope="session")
def node_clients() -> Path:
    """The clients from npm, installed as their lock says."""
    marker = CLIENTS / "node_modules" / ".package-lock.json"
    if not marker.exists() or marker.stat().st_mtime < (CLIENTS / "package-lock.json").stat().st_mtime:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=CLIENTS, check=True, capture_output=True)
        os.utime(marker)
    return CLIENTS


@pytest.mark.parametrize("parallel", [1, 3])
def test_tus_js_client(api: Server, node_clients: Path, tmp_path: Path, parallel: int) -> None:
    """tus-js-client resumes after its process was killed, alone and with parallel uploads; the sha256 is right."""
    command = ["node", str(node_clients / "upload.mjs"), f"{api.url}/v1/uploads"]
    _kill_and_resume(api, tmp_path, lambda file, memory, limit: [*command, file, memory, str(parallel), limit])


@pytest.mark.parametrize("checksum", ["checksum", "plain"])
def test_tuspy(api: Server, tmp_path: Path, checksum: str) -> None:
    """tuspy resumes after its process was killed, with checksums and without; the sha256 is right."""
    command = [sys.executable, str(CLIENTS / "upload.py"), f"{api.url}/v1/uploads"]
    _kill_and_resume(api, tmp_path, lambda file, memory, limit: [*command, file, memory, checksum, limit])


def _kill_and_resume(api: Server, folder: Path, command: Callable[[str, str, str], list[str]]) -> None:
    data = content(SIZE)
    (folder / "stock.csv").write_bytes(data)
    file, memory = str(folder / "stock.csv"), str(folder / "memory.json")
    killed = subprocess.run(command(file, memory, "5000000"), capture_output=True, check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    resumed = subprocess.run(command(file, memory, "0"), capture_output=True, check=False, timeout=60)
    assert resumed.returncode == 0, resumed.stderr.decode()
    assert b"resumed" in resumed.stderr
    path = urlsplit(resumed.stdout.decode().strip()).path
    shown = api.get(path)
    assert (shown["state"], shown["filename"], shown["size"]) == ("complete", "stock.csv", SIZE)
    assert hashlib.sha256(api.stored(path)).digest() == hashlib.sha256(data).digest()
