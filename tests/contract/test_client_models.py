"""The Python client's models and the contract."""

from __future__ import annotations

from scripts.client_models import MODULE, render


def test_the_client_s_models_are_the_contract_s() -> None:
    """headwater/client/models.py is what the contract says (`make fix` writes it)."""
    assert MODULE.read_text() == render()
