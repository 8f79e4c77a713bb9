"""P12: a resumable upload to the folder against nginx's DAV PUT of the same bytes: `python -m bench.upload [--mb 1000] [--rounds 5]`.

The client is the same for all: one connection, `sendfile`. Rounds are interleaved, the median counts. nginx does not sync,
so the same PUT followed by an fdatasync of its file is measured beside it; and ours, whose answer means that the disk has
the bytes, is also measured with parts that are not synced, to show what the disk costs. Where there is no nginx a plain
ASGI application on granian that writes its body to a file stands for it, and the row says so.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

from bench.kept import keep
from bench.server import serving
from tests.stack import free_port

ROOT = Path(__file__).resolve().parents[1]
MB = 1_000_000
_NGINX = """
daemon off; worker_processes 2; pid {home}/nginx.pid; error_log {home}/error.log; user root;
events {{ worker_connections 64; }}
http {{
  access_log off; client_max_body_size 0; client_body_temp_path {home}/temp; sendfile on;
  server {{ listen 127.0.0.1:{port}; root {home}/www; location / {{ dav_methods PUT DELETE; }} }}
}}
"""


def main() -> None:
    """Measure, print the row, keep its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-upload-", dir=os.environ.get("TMPDIR")) as folder:
        home = Path(folder)
        source = home / "source.bin"
        _fill(source, arguments.mb * MB)
        with _reference(home) as (name, port, stored), _api(home / "synced") as synced, _api(home / "unsynced", sync=False) as unsynced:
            contenders: dict[str, Callable[[], None]] = {
                name: lambda: _put(port, source),
                f"{name} + fdatasync": lambda: _put_synced(port, source, stored),
                "headwater tus PATCH": lambda: _patch(synced, source),
                "headwater without fdatasync": lambda: _patch(unsynced, source),
                "headwater one POST": lambda: _post(synced, source),
            }
            times: dict[str, list[float]] = {title: [] for title in contenders}
            for _ in range(arguments.rounds):
                for title, run in contenders.items():
                    started = time.perf_counter()
                    run()
                    times[title].append(time.perf_counter() - started)
    speeds = {title: arguments.mb / statistics.median(taken) for title, taken in times.items()}
    for title, speed in speeds.items():
        spread = f"{arguments.mb / max(times[title]):.0f} to {arguments.mb / min(times[title]):.0f}"
        print(f"{title:32} {speed:7.0f} MB/s  ({spread})  {speed / speeds[name]:.2f} x")
    ours, durable = speeds["headwater tus PATCH"], speeds[f"{name} + fdatasync"]
    print(f"| P12 | {arguments.mb} MB | {ours / speeds[name]:.2f} x {name}, {ours / durable:.2f} x with its fdatasync | target 0.6 x |")
    figures = {"beside": name, "ratio": ours / speeds[name], "durable_ratio": ours / durable, "megabytes_per_second": speeds}
    keep("P12", {"megabytes": arguments.mb, "rounds": arguments.rounds, **figures})


def _fill(path: Path, size: int) -> None:
    block = os.urandom(MB)
    with path.open("wb") as file:
        for _ in range(size // MB):
            file.write(block)
        os.fsync(file.fileno())


def _put(port: int, source: Path) -> None:
    _send(port, source, "PUT", "/target.bin", {})
    _send(port, None, "DELETE", "/target.bin", {})


def _put_synced(port: int, source: Path, stored: Path) -> None:
    _send(port, source, "PUT", "/target.bin", {})
    handle = os.open(stored, os.O_RDWR)
    os.fdatasync(handle)
    os.close(handle)
    _send(port, None, "DELETE", "/target.bin", {})


def _patch(port: int, source: Path) -> None:
    tus = {"Tus-Resumable": "1.0.0"}
    request = Request(f"http://127.0.0.1:{port}/v1/uploads", method="POST", headers={**tus, "Upload-Length": str(source.stat().st_size)})
    with urlopen(request) as answer:  # noqa: S310
        path = answer.headers["Location"]
    _send(port, source, "PATCH", path, {**tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"})
    _send(port, None, "DELETE", path, tus)


def _post(port: int, source: Path) -> None:
    head = _send(port, source, "POST", "/v1/uploads", {})
    path = next(line.partition(": ")[2] for line in head.splitlines() if line.lower().startswith("location: "))
    _send(port, None, "DELETE", path, {})


def _send(port: int, source: Path | None, method: str, path: str, headers: dict[str, str]) -> str:
    """Send a request as fast as the kernel can and return the head of its answer."""
    size = source.stat().st_size if source else 0
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {size}", "Connection: close"]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall("\r\n".join([*lines, *(f"{key}: {value}" for key, value in headers.items()), "", ""]).encode())
        if source is not None:
            with source.open("rb") as file:
                connection.sendfile(file)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    head = received.partition(b"\r\n\r\n")[0].decode()
    assert head.split()[1] in {"200", "201", "204"}, head
    return head


@contextmanager
def _reference(home: Path) -> Iterator[tuple[str, int, Path]]:
    port, www = free_port(), home / "www"
    www.mkdir()
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx:
        (home / "temp").mkdir()
        (home / "nginx.conf").write_text(_NGINX.format(home=home, port=port))
        command = [nginx, "-p", str(home), "-c", str(home / "nginx.conf")]
    else:
        (home / "sink.py").write_text(_SINK)
        command = [sys.executable, "-m", "granian", "--interface", "asginl", "--port", str(port), "--no-log", "sink:app"]
    environment = {**os.environ, "SINK": str(www / "target.bin"), "PYTHONPATH": str(home)}
    with serving(command, port, folder=ROOT, environment=environment):
        yield ("nginx DAV PUT" if nginx else "plain ASGI sink"), port, www / "target.bin"


@contextmanager
def _api(home: Path, *, sync: bool = True) -> Iterator[int]:
    port = free_port()
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HEADWATER_")}
    named = {"HOME": str(home), "API_PORT": str(port), "API_WORKERS": "1", "REDIS_URL": "redis://127.0.0.1:1/0", "LOG_LEVEL": "WARNING"}
    environment |= {f"HEADWATER_{key}": value for key, value in named.items()}
    if not sync:
        (home / "sitecustomize.py").write_text("import os\nos.fdatasync = lambda handle: None\n")
        environment["PYTHONPATH"] = str(home)
    subprocess.run([sys.executable, "-m", "services.shared.prepare"], cwd=ROOT, env=environment, check=True)
    with serving([sys.executable, "-m", "services.api"], port, folder=ROOT, environment=environment):
        yield port


_SINK = """
import os


async def app(scope, receive, send):
    if scope["method"] == "DELETE":
        os.unlink(os.environ["SINK"])
    else:
        with open(os.environ["SINK"], "wb", buffering=0) as file:
            more = True
            while more:
                message = await receive()
                more = message.get("more_body", False)
                file.write(message.get("body", b""))
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})
"""


if __name__ == "__main__":
    main()
