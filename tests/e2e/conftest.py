"""One product for all end-to-end tests that do not hurt it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stack import Stack, running


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product as it is without any setting."""
    with running(tmp_path_factory.mktemp("e2e") / "home") as stack:
        yield stack
