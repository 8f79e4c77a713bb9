"""The version of the client."""

from __future__ import annotations

import tomllib

from headwater.client.version import VERSION
from services.shared import version
from tests.stack import ROOT


def test_there_is_one_version() -> None:
    """Client, server and package have the same version."""
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {VERSION, version.VERSION, package} == {package}
