"""The outside test material: files of the CSV world, by name."""

from __future__ import annotations

import os
import random
import tarfile
from functools import cache
from pathlib import Path

import pytest

_TABLES = {
    "csv-spectrum": ("*.csv",),
    "arrow-csv-fuzz": ("*.csv", "*.gz", "clusterfuzz*"),
    "w3c-csvw": ("*.csv", "*.tsv"),
    "wireservice+csvkit": ("*",),
}


def folder() -> Path:
    """Return the folder of test material."""
    named = os.environ.get("HEADWATER_CORPORA")
    if not named:
        pytest.fail("Set HEADWATER_CORPORA to the folder of test corpora (csv-spectrum, pollock, arrow-csv-fuzz …).")
    return Path(named)


@cache
def tables() -> dict[str, bytes]:
    """Return every file that is a table, or pretends to be one, but pollock's."""
    paths = {path for name, patterns in _TABLES.items() for pattern in patterns for path in (folder() / name).rglob(pattern) if path.is_file()}
    return {str(path.relative_to(folder())): path.read_bytes() for path in sorted(paths)}


@cache
def pollock() -> dict[str, bytes]:
    """Return pollock's polluted files."""
    with tarfile.open(folder() / "pollock" / "polluted_files.tar.xz") as archive:
        found = {member.name: archive.extractfile(member) for member in archive if member.isfile() and member.name.endswith(".csv")}
        return {f"pollock/{name}": file.read() for name, file in sorted(found.items()) if file and "/clean/" not in f"/{name}"}


def pollock_sample(number: int, *, seed: str) -> dict[str, bytes]:
    """Return some of pollock's files, the same for the same seed."""
    found = pollock()
    return {name: found[name] for name in sorted(random.Random(seed).sample(sorted(found), number))}
