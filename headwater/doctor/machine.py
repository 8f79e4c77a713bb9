"""The machine: Python, the libraries, memory, file descriptors and the clock."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import resource
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from headwater.doctor.finding import Finding, note, ok, wrong
from services.shared.settings import GIB, MIB, Settings

_ROOT = Path(__file__).resolve().parents[2]
_OLDEST = (3, 11)
_NEEDED = (
    "alembic",
    "celery",
    "duckdb",
    "fastapi",
    "flower",
    "granian",
    "numpy",
    "orjson",
    "pandas",
    "prometheus_client",
    "pyarrow",
    "redis",
    "sqlglot",
)
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(;.*)?")
_BESIDE_QUERIES_BYTES = 1280 * MIB
_FEW_DESCRIPTORS = 1024
_FIRST_YEAR = 2025


def check_python() -> Iterator[Finding]:
    """See that this Python is new enough."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _OLDEST:
        yield wrong("python", f"This is Python {found}.", "Headwater needs 3.11 or later: install it, remove .venv, and run `make install`.")
    else:
        yield ok("python", f"Python {found} at {sys.executable}.")


def check_libraries() -> Iterator[Finding]:
    """See that what is installed is what the lock says."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    other = list(_others(_ROOT / "requirements.lock"))
    if missing:
        yield wrong("libraries", f"Not installed: {', '.join(missing)}.", "Run `make install`.")
    if other:
        yield wrong("libraries", f"{len(other)} libraries are not of the locked version: {'; '.join(other[:5])}.", "Run `make install`.")
    if not missing and not other:
        yield from _check_stamp()


def check_memory(settings: Settings) -> Iterator[Finding]:
    """Compare what queries and the processes may take with what the machine, or its container, has."""
    there, wanted = _memory_bytes(), settings.query_memory_bytes + _BESIDE_QUERIES_BYTES
    said = f"{there / GIB:.1f} GiB of memory; queries may take {settings.query_memory_bytes / GIB:.1f} GiB, the processes beside them about 1.2 GiB"
    if there < wanted:
        yield wrong("memory", f"{said}.", "Lower HEADWATER_QUERY_MEMORY_BYTES, or give the machine more memory.")
    else:
        yield ok("memory", f"{said}.")
    cores = os.cpu_count() or 1
    if settings.query_threads > cores:
        yield note(
            "memory",
            f"HEADWATER_QUERY_THREADS={settings.query_threads}, and the machine has {cores} cores.",
            "More threads than cores only cost memory.",
        )


def check_descriptors() -> Iterator[Finding]:
    """See that a process may open enough files and connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _FEW_DESCRIPTORS:
        yield wrong("descriptors", f"A process may open {soft} files.", f"Run `ulimit -n {_FEW_DESCRIPTORS * 4}` before `make up` (at most {hard}).")
    else:
        yield ok("descriptors", f"A process may open {soft} files.")


def check_clock() -> Iterator[Finding]:
    """See that the clock is not plainly wrong; which zone the machine is in does not matter."""
    now = time.gmtime()
    if now.tm_year < _FIRST_YEAR:
        yield wrong("clock", f"The clock says {time.strftime('%Y-%m-%d', now)}.", "Set it: leases, expiries and retention are times.")
    else:
        said = time.strftime("%Y-%m-%d %H:%M", now)
        yield ok("clock", f"It is {said} UTC; the machine's zone is {time.strftime('%Z')}, Headwater stores and says UTC.")


def _check_stamp() -> Iterator[Finding]:
    locks, stamp = (_ROOT / "requirements.lock", _ROOT / "scripts" / "uv.lock"), _ROOT / ".venv" / "installed"
    if not all(lock.is_file() for lock in locks) or not stamp.is_file():
        yield ok("libraries", "Everything that is needed is installed.")
        return
    wanted = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()
    if stamp.read_text().split()[:1] != [wanted]:
        yield note("libraries", "The lock has changed since .venv was made.", "Run `make install`.")
    else:
        yield ok("libraries", ".venv is what the lock says.")


def _others(lock: Path) -> Iterator[str]:
    if not lock.is_file():
        return
    for pin in filter(None, map(_PIN.match, lock.read_text().splitlines())):
        if pin[3]:
            continue
        try:
            found = version(pin[1])
        except PackageNotFoundError:
            continue
        if found != pin[2]:
            yield f"{pin[1]} {found} instead of {pin[2]}"


def _memory_bytes() -> int:
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        try:
            there = min(there, int(limit.read_text()))
        except (OSError, ValueError):
            continue
    return there
