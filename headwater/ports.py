"""Ports: checked before anything starts, so that a taken one is named with the setting that moves it."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
from pathlib import Path

from headwater.errors import CannotStart

LOOPBACK = "127.0.0.1"


def require_free(wanted: Mapping[str, int], *, host: str = LOOPBACK) -> None:
    """Raise CannotStart if a port is taken or named twice; `wanted` maps each port's setting to it."""
    owners: dict[int, str] = {}
    for setting, port in wanted.items():
        if port in owners:
            raise CannotStart(f"{owners[port]} and {setting} both name port {port}; give one of them another port")
        owners[port] = setting
        problem = _problem(host, port)
        if problem is not None:
            raise CannotStart(f"Port {port} on {host} {problem}; stop what uses it, or set {setting} to another port")


def is_free(port: int, *, host: str = LOOPBACK) -> bool:
    """Return whether a port could be bound just now."""
    return _problem(host, port) is None


def remembered_port(memory: Path) -> int:
    """Return the free port written in a file, so that restarts keep it; write a new one there if it is missing or taken."""
    try:
        port = int(memory.read_text())
    except (FileNotFoundError, ValueError):
        port = 0
    if not 0 < port < 65536 or _problem(LOOPBACK, port) is not None:
        port = _free_port()
    memory.write_text(f"{port}\n")
    return port


def _problem(host: str, port: int) -> str | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return "is taken" if error.errno == errno.EADDRINUSE else f"can't be used ({error.strerror})"
    return None


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
