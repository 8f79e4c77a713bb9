"""The pages name things that exist: modules, records, settings, files, tests, addresses."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest
import yaml

from services.shared.records.tables import metadata
from services.shared.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
_OF_TESTS = {"HEADWATER_CORPORA", "HEADWATER_FIGURES", "HEADWATER_SEED"}
_OF_THE_CLIENT = {"HEADWATER_URL", "HEADWATER_TOKEN"}
_every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def test_the_life_of_a_csv_names_what_exists() -> None:
    """In "Follow one CSV" each `module:name` can be imported and each record is a table."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in _life().splitlines() if re.match(r"\| \d+ ", line)]
    assert len(rows) == 15
    for row in rows:
        _, _, code, records, objects = row
        for module, name in re.findall(r"`([\w.]+):([\w.]+)`", code + objects):
            found = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        assert set(re.findall(r"`(\w+)`", records)) <= set(metadata.tables), f"{row[0]}: {records}"


@_every_page
def test_modules_exist(page: Path) -> None:
    """Each `module:name` of any page can be imported."""
    for module, name in re.findall(r"`((?:services|headwater)[\w.]+):([\w.]+)`", page.read_text()):
        assert hasattr(importlib.import_module(module), name.split(".")[0]), f"{page.name}: {module}:{name}"


@_every_page
def test_settings_exist(page: Path) -> None:
    """Each variable is a setting."""
    known = {f"HEADWATER_{name.upper()}" for name in Settings.model_fields} | _OF_TESTS | _OF_THE_CLIENT
    assert set(re.findall(r"HEADWATER_[A-Z_]+[A-Z]", page.read_text())) <= known


@_every_page
def test_files_exist(page: Path) -> None:
    """Each path into the tree leads to a file or a folder."""
    for path in re.findall(r"`((?:services|headwater|contract|scripts|tests|bench|docs|\.ci)/[\w./-]*\w)", page.read_text()):
        assert (ROOT / path).exists(), f"{page.name} names {path}"


@_every_page
def test_tests_exist(page: Path) -> None:
    """Each test that a page names is a test."""
    for path, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text()):
        functions = {node.name for node in ast.parse((ROOT / path).read_text()).body if isinstance(node, ast.FunctionDef)}
        assert name in functions, f"{page.name} names {path}::{name}"


@_every_page
def test_addresses_exist(page: Path) -> None:
    """Each method and path of a page is an operation of the contract."""
    contract = yaml.safe_load((ROOT / "contract" / "openapi.yaml").read_text())
    known = {(method.upper(), re.sub(r"\{\w+\}", "*", path)) for path, item in contract["paths"].items() for method in item}
    for method, path in re.findall(r"\b(GET|POST|PUT|DELETE|HEAD|PATCH|OPTIONS) (/[\w/{}.-]*\w}?)", page.read_text()):
        asked = (method, path.rstrip("."))
        assert any(asked[0] == one[0] and _fits(asked[1], one[1]) for one in known), f"{page.name} names {method} {path}"


def _life() -> str:
    return (ROOT / "docs" / "architecture.md").read_text().split("## Follow one CSV")[1].split("\n## ")[0]


def _fits(asked: str, known: str) -> bool:
    parts, pattern = asked.strip("/").split("/"), known.strip("/").split("/")
    return len(parts) == len(pattern) and all(wanted in ("*", part) for part, wanted in zip(parts, pattern, strict=True))
