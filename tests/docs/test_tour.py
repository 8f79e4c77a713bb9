"""The README's tour works word for word."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.stack import ROOT, running

README = ROOT / "README.md"
_BLOCK = re.compile(r"^```(sh|python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "=== step {} ==="
_ENDS_WITHIN_S = 90


@dataclass(frozen=True)
class Step:
    """A block of commands and, where the page shows it, what they print."""

    commands: str
    shown: str | None


def steps(page: str, *, language: str = "sh") -> list[Step]:
    """Return the page's blocks in order."""
    blocks = _BLOCK.findall(page)
    found = []
    for at, (kind, text) in enumerate(blocks):
        if kind == language:
            following = blocks[at + 1] if at + 1 < len(blocks) else ("", "")
            found.append(Step(text, following[1] if following[0] == "text" else None))
    return found


def script(tour: list[Step], *, mark: str = "echo '{}'") -> str:
    """Return one script of all blocks; each begins with a line, printed by `mark`, that tells it apart."""
    return "".join(f"{mark.format(_MARK.format(number))}\n{step.commands}\n" for number, step in enumerate(tour))


def printed(output: str, count: int) -> list[str]:
    """Return what each block printed."""
    parts = re.split("|".join(re.escape(_MARK.format(number)) + "\n" for number in range(count)), output)
    return parts[1:]


@pytest.mark.timeout(240)
def test_the_tour_does_what_it_shows(tmp_path: Path) -> None:
    """Every command of the README runs, in one shell and in order, and prints what the page shows."""
    tour = steps(README.read_text())
    assert len(tour) > 5
    with running(tmp_path / "home") as stack, tempfile.TemporaryDirectory(dir=tmp_path) as scratch:
        environment = {
            **os.environ,
            "HEADWATER": stack.url,
            "FLOWER": stack.flower_url,
            "TMPDIR": scratch,
            "XDG_STATE_HOME": scratch,
            "NO_PROXY": "127.0.0.1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        command = ["bash", "-euo", "pipefail", "-c", script(tour)]
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=_ENDS_WITHIN_S, check=False)
    done = printed(ended.stdout, len(tour))
    assert ended.returncode == 0, f"step {len(done) - 1} failed:\n{ended.stderr}\n{ended.stdout}\n{tour[len(done) - 1].commands}"
    shown = [(step.shown, text) for step, text in zip(tour, done, strict=True) if step.shown is not None]
    assert [text for _, text in shown] == [expected for expected, _ in shown]


def test_the_tour_shows_what_it_prints() -> None:
    """Every block that prints something is followed by what it prints; only the helpers print nothing."""
    silent = [step.commands for step in steps(README.read_text()) if step.shown is None]
    assert [commands.splitlines()[0] for commands in silent] == ["HEADWATER=${HEADWATER:-http://127.0.0.1:8000}"]
