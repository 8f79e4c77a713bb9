"""`python -m headwater.up` says in one line what has to change, and exits with 2."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from headwater.instance import only_instance

ROOT = Path(__file__).resolve().parents[2]


def test_a_taken_port_ends_it(tmp_path: Path) -> None:
    """Nothing has started by then."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = up(tmp_path, HEADWATER_API_PORT=str(port))
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"headwater: Port {port} on 127.0.0.1 is taken")
    assert "HEADWATER_API_PORT" in ended.stderr
    assert not (tmp_path / "broker").exists()


def test_a_second_instance_on_a_home_ends(tmp_path: Path) -> None:
    """It names the process that has the home, and changes nothing of it."""
    with only_instance(tmp_path):
        ended = up(tmp_path)
    assert ended.returncode == 2
    assert f"already runs on {tmp_path} (process {os.getpid()})" in ended.stderr


def test_the_lock_of_a_dead_instance_holds_nobody(tmp_path: Path) -> None:
    """A lock file that was left behind is no lock."""
    holder = "import os, signal, sys\nfrom pathlib import Path\nfrom headwater.instance import only_instance\n"
    holder += "with only_instance(Path(sys.argv[1])):\n    os.kill(os.getpid(), signal.SIGKILL)"
    died = subprocess.run((sys.executable, "-c", holder, str(tmp_path)), cwd=ROOT, timeout=30)
    assert died.returncode == -9
    assert (tmp_path / "run" / "up.lock").exists()
    with only_instance(tmp_path):
        pass


def test_a_setting_that_makes_no_sense_ends_it(tmp_path: Path) -> None:
    """The variable and its value are named."""
    ended = up(tmp_path, HEADWATER_API_PORT="ninety")
    assert ended.returncode == 2
    assert "HEADWATER_API_PORT" in ended.stderr
    assert "ninety" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_platform_that_is_not_built_ends_it(tmp_path: Path) -> None:
    """It says so in one line, before anything starts."""
    ended = up(tmp_path, HEADWATER_PLATFORM="aws")
    assert (ended.returncode, ended.stderr) == (2, "headwater: HEADWATER_PLATFORM=aws is not built yet; leave it at local\n")
    assert not (tmp_path / "broker").exists()


def up(home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = {"HEADWATER_API_PORT": str(one.getsockname()[1]), "HEADWATER_FLOWER_PORT": str(two.getsockname()[1])}
    settings = {**os.environ, "HEADWATER_HOME": str(home), **ports, **environment}
    command = (sys.executable, "-m", "headwater.up")
    return subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=60)
