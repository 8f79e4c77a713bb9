"""The commands for the Headwater of this machine, as a person types them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.stack import FAST, ROOT, running


@pytest.mark.timeout(240)
def test_a_backup_by_the_command_line_is_a_home_that_answers(tmp_path: Path) -> None:
    """Backed up while it runs, checked, restored into a new home: the new one answers as the old one did, and neither is overwritten."""
    home, other, target = tmp_path / "home", tmp_path / "other", tmp_path / "backup"
    question = "SELECT word, count(*), sum(n) FROM kept GROUP BY word ORDER BY word"
    with running(home, **FAST) as stack:
        upload = stack.upload_bytes(b"n,word\n" + b"".join(b"%d,w%d\n" % (n, n % 7) for n in range(10_000)))["id"]
        assert stack.profile(upload)["state"] == "succeeded"
        assert stack.publish(upload, "kept")["state"] == "succeeded"
        answer = stack.rows(question)
        assert f"bin/headwater load some.csv some --url {stack.url}\n" in stack.log.read_text()
        taken = headwater(home, "backup", str(target))
        refused = headwater(home, "restore", str(target))
    assert (taken.returncode, taken.stderr) == (0, "")
    assert taken.stdout.startswith(f"{target} holds ")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"Headwater runs on {home}" in refused.stderr
    assert headwater(home, "backup", str(target), "--check").stdout.startswith(f"{target} is whole: ")
    restored = headwater(other, "restore", str(target))
    assert (restored.returncode, restored.stdout.startswith(f"{other} is as it was at ")) == (0, True)
    again = headwater(other, "restore", str(target))
    assert (again.returncode, "is not empty" in again.stderr) == (1, True)
    with running(other, **FAST) as stack:
        assert stack.rows(question) == answer


def test_a_command_without_a_home_means_the_one_of_its_own_folder(tmp_path: Path) -> None:
    """Called from anywhere, by a link, it speaks of the home that `make up` uses; a home that is named is taken as it is."""
    (tmp_path / "link").symlink_to(ROOT / "bin" / "headwater")
    own = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
    said = subprocess.run((tmp_path / "link", "doctor"), cwd=tmp_path, env=own, capture_output=True, text=True, timeout=60)
    assert str(ROOT / ".headwater") in said.stdout
    named = headwater(Path("elsewhere"), "doctor", folder=tmp_path)
    assert str(tmp_path / "elsewhere") in named.stdout
    assert str(ROOT / ".headwater") not in named.stdout


def headwater(home: Path, *arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the command of this folder on a home."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")} | {"HEADWATER_HOME": str(home)}
    command = (ROOT / "bin" / "headwater", *arguments)
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
