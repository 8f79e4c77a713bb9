"""Where measured figures are kept: one file a row, with the versions and the machine they were measured on."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from math import ceil
from pathlib import Path
from typing import Any

from services.shared.clock import utc_now

RESULTS = Path(__file__).resolve().parent / "results"
_VERSIONS = ("celery", "duckdb", "fastapi", "granian", "numpy", "pandas", "polars", "pyarrow", "sqlglot")


def keep(row: str, figures: dict[str, Any]) -> None:
    """Write a row's figures and when they were measured; the load says whether the machine had other work then."""
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "load": [round(load, 1) for load in os.getloadavg()]}
    versions = {name: version(name) for name in _VERSIONS}
    RESULTS.mkdir(exist_ok=True)
    content = {"when": f"{utc_now():%Y-%m-%d}", **figures, "machine": machine, "versions": versions}
    (RESULTS / f"{row}.json").write_text(json.dumps(content, indent=2) + "\n")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the least value that this share of all does not exceed."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]
