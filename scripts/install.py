"""Installs what Headwater needs into `.venv`: the locked versions, checked by hash, and only when the lock has changed.

Needs nothing but Python's standard library. Several runs at once wait for each other; one that was killed is made good by the next.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"
LOCKS = (ROOT / "requirements.lock", ROOT / "scripts" / "uv.lock")
OLDEST = (3, 11)


def main() -> int:
    """Bring `.venv` to the lock; return 0 when it is there."""
    if sys.version_info < OLDEST:
        print(f"Headwater needs Python {'.'.join(map(str, OLDEST))} or later; this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    if _installed():
        return 0
    with LOCKS[0].open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not _installed():
            _install()
    return 0


def _installed() -> bool:
    return PYTHON.exists() and STAMP.is_file() and STAMP.read_text() == _wanted()


def _wanted() -> str:
    content = b"".join(lock.read_bytes() for lock in LOCKS)
    return f"{hashlib.sha256(content).hexdigest()} {sys.version_info.major}.{sys.version_info.minor} {VENV}\n"


def _install() -> None:
    print("Installing what is missing into .venv (once; a minute or so) …", flush=True)
    STAMP.unlink(missing_ok=True)
    if not _runs(PYTHON, "-c", "import pip"):
        venv.create(VENV, with_pip=True, clear=True)
    locks = [argument for lock in LOCKS for argument in ("-r", str(lock))]
    pip = ("-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--require-hashes")
    with_uv = _runs(PYTHON, *pip, "-r", LOCKS[1]) and _runs(
        PYTHON, "-m", "uv", "pip", "install", "--quiet", "--compile-bytecode", "--require-hashes", *locks
    )
    if not with_uv:
        print("uv did not install everything; pip does it, which takes longer …", flush=True)
        subprocess.run((PYTHON, *pip, *locks), check=True, cwd=ROOT)  # noqa: S603 - our own arguments
    STAMP.write_text(_wanted())


def _runs(program: Path, *arguments: str | Path) -> bool:
    environment = {**os.environ, "VIRTUAL_ENV": str(VENV)}
    try:
        return subprocess.run((program, *arguments), check=False, cwd=ROOT, env=environment).returncode == 0  # noqa: S603 - our own arguments
    except OSError:
        return False


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (subprocess.CalledProcessError, OSError) as problem:
        print(f"The installation failed: {problem}", file=sys.stderr)
        sys.exit(1)
