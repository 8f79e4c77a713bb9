"""The pages say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
