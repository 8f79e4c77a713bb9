from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpora import folder


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of outside test material."""
    return folder()
