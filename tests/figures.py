"""Figures that the tests measure: printed at the end of the run, and kept as JSON lines where `HEADWATER_FIGURES` says."""

from __future__ import annotations

import json
import os
from pathlib import Path

_measured: list[tuple[str, dict[str, object]]] = []


def measured(test: str, **figures: object) -> None:
    """Record what a test has measured."""
    _measured.append((test, figures))
    path = os.environ.get("HEADWATER_FIGURES")
    if path:
        with Path(path).open("a") as file:
            file.write(json.dumps({"test": test, **figures}) + "\n")


def lines() -> list[str]:
    """Return the figures for people, in the order of their measurement."""
    return [f"{test}: {', '.join(f'{name} {value}' for name, value in figures.items())}" for test, figures in _measured]
