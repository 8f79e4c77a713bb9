"""What FastAPI serves and the contract: the same operations, parameters, bodies and answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from services.api.main import create_app
from services.shared.settings import Settings
from tests.contract.compare import differences

CONTRACT: dict[str, Any] = yaml.safe_load((Path(__file__).resolve().parents[2] / "contract" / "openapi.yaml").read_text("utf-8"))


def served(home: Path) -> dict[str, Any]:
    """Return the document of an application that is not running."""
    app = create_app(Settings(home=home, redis_url="redis://127.0.0.1:1/0"))
    try:
        return app.openapi()
    finally:
        app.state.services.close()


def test_served_is_the_contract(tmp_path: Path) -> None:
    """Nothing is served that the contract does not have, nothing of it is missing, and no part differs."""
    assert differences(served(tmp_path), CONTRACT) == []
