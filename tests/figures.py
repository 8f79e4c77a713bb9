"""Figures that the tests measure: printed at the end of the run, and kept as JSON lines where `HEADWATER_FIGURES` says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

_PROPERTY = "figures"


def keep(test: pytest.Item, **figures: object) -> None:
    """Keep what a test has measured; its report takes it along, from whatever process ran it."""
    line = json.dumps({"test": test.name, **figures})
    test.user_properties.append((_PROPERTY, line))
    path = os.environ.get("HEADWATER_FIGURES")
    if path:
        with Path(path).open("a") as file:
            file.write(f"{line}\n")


def lines(reports: Iterable[object]) -> Iterator[str]:
    """Yield the figures of a run for people, in the order in which its tests ended."""
    for report in reports:
        if isinstance(report, pytest.TestReport) and report.when == "call":
            for figures in (json.loads(str(value)) for name, value in report.user_properties if name == _PROPERTY):
                test = figures.pop("test")
                yield f"{test}: {', '.join(f'{name} {value}' for name, value in figures.items())}"
