"""The pages say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.__main__ import MEASUREMENTS
from scripts import performance_doc
from scripts.settings_doc import PAGE, render
from services.shared import errors
from services.shared.errors import Problem

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def problem_types(parent: type[Problem] = Problem) -> list[type[Problem]]:
    """Return every problem there is, the parent's included."""
    found = [parent]
    for child in parent.__subclasses__():
        found += problem_types(child)
    return found


def test_every_setting_is_documented_as_it_is() -> None:
    """docs/settings.md is what the settings say of themselves (`make fix` writes it)."""
    assert PAGE.read_text() == render()


def test_the_measured_figures_are_those_that_were_kept(tmp_path: Path) -> None:
    """docs/performance.md is what `bench/results/` says (`make bench` writes both); a row that nobody measured has no figure."""
    assert performance_doc.PAGE.read_text() == performance_doc.render()
    empty = re.findall(r"^\| (P\d+) \|.*\| (?:not measured|no measurement) yet \|  \|$", performance_doc.render(tmp_path), re.MULTILINE)
    assert empty == [f"P{number}" for number in range(1, 22)]


def test_every_row_that_is_measured_has_its_words() -> None:
    """What `make bench` keeps is shown, and nothing is shown that it does not measure."""
    assert {row for measurement in MEASUREMENTS for row in measurement.rows} == {row.number for row in performance_doc.ROWS if row.say is not None}
    assert {place.stem for place in performance_doc.RESULTS.iterdir()} <= {row.number for row in performance_doc.ROWS}


def test_every_problem_is_documented() -> None:
    """docs/problems.md has a heading for each code, with its status, and none that does not exist."""
    page = (ROOT / "docs" / "problems.md").read_text()
    documented = dict(re.findall(r"^## ([a-z0-9_]+)\n\n\*\*(\d{3})\*\*", page, re.MULTILINE))
    existing = {problem.code: str(problem.status) for problem in problem_types() if problem.__module__.startswith(f"{errors.__name__}.")}
    assert documented == existing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link names a file that exists."""
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://", "mailto:", "/")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
