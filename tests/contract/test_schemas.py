"""The api's models and the contract's schemas: the same bodies, the same names."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from services.api.schemas.base import Schema
from services.api.schemas.problem import Problem
from services.api.schemas.profiles import DialectRequest
from services.shared.errors import FieldError, UploadNotFound, ValidationFailed
from tests.contract.compare import canonical

ROOT = Path(__file__).resolve().parents[2]
CONTRACT: dict[str, Any] = yaml.safe_load((ROOT / "contract" / "openapi.yaml").read_text("utf-8"))
BODIES: dict[str, Any] = {name: schema for name, schema in CONTRACT["components"]["schemas"].items() if "properties" in schema}
MODULES = [
    import_module(f"services.api.schemas.{path.stem}")
    for path in sorted((ROOT / "services" / "api" / "schemas").glob("*.py"))
    if path.stem != "__init__"
]
MODELS: dict[str, type[Schema]] = {
    name: model
    for module in MODULES
    for name, model in inspect.getmembers(module, inspect.isclass)
    if issubclass(model, Schema) and model.__module__ == module.__name__ and name not in {"Schema", "Page"} and "[" not in name
}
EXAMPLES = [(name, example) for name, schema in BODIES.items() for example in schema.get("examples", ())]


def test_names_are_the_same() -> None:
    """Every body of the contract has its model, and every model its body."""
    assert sorted(MODELS) == sorted(BODIES)


@pytest.mark.parametrize("name", sorted(BODIES))
def test_model_is_the_schema(name: str) -> None:
    """A model says exactly what the contract's schema says: fields, types, bounds, what is required."""
    served = MODELS[name].model_json_schema(mode="validation" if name.endswith("Request") else "serialization")
    definitions = {"$defs": served.pop("$defs", {})}
    assert canonical(served, definitions) == canonical(BODIES[name], CONTRACT)


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_examples_survive_the_model(name: str, example: Any) -> None:
    """An example goes through its model and comes out unchanged, fields that are left out still left out."""
    model = MODELS[name].model_validate(example, strict=False)
    assert model.model_dump(mode="json", exclude_unset=name.endswith("Request")) == example


@pytest.mark.parametrize("name", sorted(MODELS))
def test_models_are_closed_and_frozen(name: str) -> None:
    """No model takes a field that the contract does not have, and none can be changed."""
    assert MODELS[name].model_config["extra"] == "forbid"
    assert MODELS[name].model_config["frozen"] is True


def test_dialect_request_keeps_what_was_chosen() -> None:
    """A mark given as null is a choice, a mark left out is not, and null elsewhere means detect."""
    request = DialectRequest.model_validate({"quotechar": None, "delimiter": ";", "encoding": None})
    assert request.given() == {"quotechar": None, "delimiter": ";"}


def test_unknown_field_is_refused() -> None:
    """A misspelt field is an error that names it."""
    with pytest.raises(ValidationError, match="colums"):
        MODELS["DatasetRequest"].model_validate({"upload_id": "upl_01k5w8h3v2e9fbnx0q4rtz7m6c", "name": "orders", "colums": []})


def test_problem_of_the_error_tree_fits() -> None:
    """What the error tree writes is a problem of the contract, with and without its optional members."""
    plain = UploadNotFound("There is no upload upl_x.").to_json(instance="/v1/uploads/upl_x")
    full = ValidationFailed("limit", line=1, column=2, errors=[FieldError("query/limit", "900 is more than 500.")]).to_json(instance=None)
    for document in (plain, full):
        assert Problem.model_validate(document).model_dump(mode="json") == document
