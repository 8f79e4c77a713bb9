from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of outside test material."""
    folder = os.environ.get("HEADWATER_CORPORA")
    if not folder:
        pytest.fail("Set HEADWATER_CORPORA to the folder of test corpora (csv-spectrum, pollock, arrow-csv-fuzz …).")
    return Path(folder)
