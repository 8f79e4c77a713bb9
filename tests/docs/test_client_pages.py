"""The pages of the command line and of the Python client do what they show."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.test_tour import printed, script, steps
from tests.stack import ROOT, Stack, running

_ENDS_WITHIN_S = 120


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product that both pages talk to."""
    with running(tmp_path_factory.mktemp("pages") / "home") as stack:
        yield stack


@pytest.mark.timeout(240)
@pytest.mark.parametrize("language", ["sh", "python"])
def test_the_page_does_what_it_shows(product: Stack, tmp_path: Path, language: str) -> None:
    """Every block of the page runs, in order, and prints what the page shows."""
    page = (ROOT / "docs" / {"sh": "cli.md", "python": "python.md"}[language]).read_text()
    tour = steps(page, language=language)
    assert len(tour) > 5
    program = script(tour) if language == "sh" else script(tour, mark="print('{}', flush=True)")
    command = ["bash", "-euo", "pipefail", "-c", program] if language == "sh" else [sys.executable, "-c", program]
    environment = {**os.environ, "HEADWATER_URL": product.url, "XDG_STATE_HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    folder = ROOT if language == "sh" else tmp_path
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_ENDS_WITHIN_S, check=False)
    done = printed(ended.stdout, len(tour))
    assert ended.returncode == 0, f"step {len(done) - 1} failed:\n{ended.stderr}\n{ended.stdout}\n{tour[len(done) - 1].commands}"
    shown = [(step.shown, text) for step, text in zip(tour, done, strict=True) if step.shown is not None]
    assert [text for _, text in shown] == [expected for expected, _ in shown]
