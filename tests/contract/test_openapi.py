"""The contract document itself: valid, complete and the same in every corner."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from openapi_spec_validator import validate

from services.shared import errors
from tests.contract.compare import METHODS, resolve

ROOT = Path(__file__).resolve().parents[2]
CONTRACT: dict[str, Any] = yaml.safe_load((ROOT / "contract" / "openapi.yaml").read_text("utf-8"))
SCHEMA_KEYWORDS = {
    "$ref", "type", "enum", "format", "pattern", "description", "examples", "default", "properties", "required", "additionalProperties",
    "items", "anyOf", "minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength", "maxItems", "contentMediaType",
}  # fmt: skip
OPERATIONS = {
    item[method]["operationId"]: (method, path, item[method]) for path, item in CONTRACT["paths"].items() for method in METHODS if method in item
}
EXAMPLES = [
    (name, number, example) for name, schema in CONTRACT["components"]["schemas"].items() for number, example in enumerate(schema.get("examples", ()))
]


def _open(node: dict[str, Any]) -> Any:
    return resolve(node["$ref"], CONTRACT) if "$ref" in node else node


def _validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        {**schema, "components": CONTRACT["components"]},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


def _parameters(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {parameter["name"]: parameter for parameter in map(_open, operation.get("parameters", ()))}


def _schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every schema below a schema, itself included."""
    yield node
    for child in (*node.get("properties", {}).values(), *node.get("anyOf", ())):
        yield from _schemas(child)
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from _schemas(node[key])


def test_document_is_valid() -> None:
    """The contract is OpenAPI 3.1."""
    validate(CONTRACT)
    assert CONTRACT["openapi"].startswith("3.1")


def test_operation_ids_are_unique_snake_case() -> None:
    """Each operation has a name of its own, fit to be its handler's."""
    names = Counter(item[method]["operationId"] for item in CONTRACT["paths"].values() for method in METHODS if method in item)
    assert [name for name, count in names.items() if count > 1] == []
    assert [name for name in names if not name.isidentifier() or name != name.lower()] == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_is_described(name: str) -> None:
    """Each operation has one known tag, a sentence, and parameters with a description and an example."""
    _, path, operation = OPERATIONS[name]
    assert len(operation["tags"]) == 1
    assert operation["tags"][0] in {tag["name"] for tag in CONTRACT["tags"]}
    assert operation["summary"].endswith(".")
    assert len(operation["summary"].split()) >= 3
    for parameter in _parameters(operation).values():
        assert parameter["description"].endswith(".")
        if "example" in parameter:
            _validator(parameter["schema"]).validate(parameter["example"])
        else:
            assert "$ref" in parameter["schema"], parameter["name"]
    in_path = {parameter for parameter, found in _parameters(operation).items() if found["in"] == "path"}
    assert in_path == {part.split("}")[0] for part in path.split("{")[1:]}


@pytest.mark.parametrize("name", OPERATIONS)
def test_refusals_are_problems(name: str) -> None:
    """Each 4xx and 5xx is a problem document, its machine words are listed, and no word is listed for another status."""
    operation = OPERATIONS[name][2]
    refusals = {status: _open(response) for status, response in operation["responses"].items() if status[0] in "45"}
    for status, response in refusals.items():
        assert response["content"] == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}, status
    assert refusals.keys() == operation["x-problem-codes"].keys()
    assert all(operation["x-problem-codes"].values())


def test_codes_are_those_of_the_error_tree() -> None:
    """Each machine word of an operation is a class of the error tree, with the status it is listed under."""
    classes = {kind.code: kind.status for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.Problem)}
    listed = {
        (code, int(status)) for _, _, operation in OPERATIONS.values() for status, codes in operation["x-problem-codes"].items() for code in codes
    }
    assert sorted(listed - set(classes.items())) == []


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name.startswith("list_")])
def test_lists_are_paged(name: str) -> None:
    """Each list takes limit and cursor and answers items and next_cursor."""
    operation = OPERATIONS[name][2]
    assert {"limit", "cursor"} <= _parameters(operation).keys()
    assert _parameters(operation)["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}
    envelope = resolve(operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"], CONTRACT)
    assert envelope["required"] == ["items", "next_cursor"]
    assert "invalid_cursor" in operation["x-problem-codes"]["400"]


def test_every_get_of_items_is_a_list() -> None:
    """No operation answers items without being named a list, so the paging rule misses none."""
    envelopes = {
        name
        for name, (_, _, operation) in OPERATIONS.items()
        for response in operation["responses"].values()
        for media in _open(response).get("content", {}).values()
        if media["schema"].get("$ref", "").endswith("List")
    }
    assert envelopes == {name for name in OPERATIONS if name.startswith("list_")}


def test_nothing_is_planned() -> None:
    """Every operation with all its values is built: nothing answers 501 or is marked."""
    assert [name for name, (_, _, operation) in OPERATIONS.items() if "501" in operation["responses"]] == []
    assert "x-headwater" not in yaml.safe_dump(CONTRACT)


@pytest.mark.parametrize("name", OPERATIONS)
def test_answers_carry_their_headers(name: str) -> None:
    """Every answer has the request id, long work says where and when to look, and a polled answer has an ETag and a 304."""
    method, path, operation = OPERATIONS[name]
    responses = {status: _open(response) for status, response in operation["responses"].items()}
    assert "X-Request-Id" in _parameters(operation)
    for status, response in responses.items():
        assert "X-Request-Id" in response["headers"], status
    if "202" in responses:
        assert {"Location", "Retry-After"} <= responses["202"]["headers"].keys()
    if method == "get" and path.startswith("/v1/") and "application/json" in responses["200"].get("content", {}):
        assert "ETag" in responses["200"]["headers"]
        assert "304" in responses
        assert "If-None-Match" in _parameters(operation)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name.startswith(("create_", "restore_"))])
def test_creating_posts_are_idempotent(name: str) -> None:
    """Each creating POST takes an Idempotency-Key and says how it refuses one."""
    operation = OPERATIONS[name][2]
    assert "Idempotency-Key" in _parameters(operation)
    assert {"idempotency_conflict", "idempotency_in_progress"} <= set(operation["x-problem-codes"]["409"])


def test_answers_are_exact() -> None:
    """Every object says which fields it has and takes no other, and no schema uses a word that is not a keyword."""
    for name, schema in CONTRACT["components"]["schemas"].items():
        for part in _schemas(schema):
            assert set(part) <= SCHEMA_KEYWORDS, name
            if "properties" in part:
                assert part["additionalProperties"] is False, name
                assert set(part.get("required", ())) <= part["properties"].keys(), name


def test_main_schemas_have_examples() -> None:
    """Every body that an operation takes or gives is shown, lists and problems by their items."""
    used = {
        media["schema"]["$ref"].rsplit("/", 1)[-1]
        for _, _, operation in OPERATIONS.values()
        for node in (*operation["responses"].values(), operation.get("requestBody", {}))
        for media in _open(node).get("content", {}).values()
        if "$ref" in media["schema"]
    }
    assert {name for name in used if not name.endswith("List")} <= {name for name, _, _ in EXAMPLES}


@pytest.mark.parametrize(("name", "number", "example"), EXAMPLES)
def test_examples_fit_their_schema(name: str, number: int, example: Any) -> None:  # noqa: ARG001
    """Every example is an instance of its schema."""
    _validator({"$ref": f"#/components/schemas/{name}"}).validate(example)


def test_header_examples_fit_their_schema() -> None:
    """Every response header's example is an instance of its schema."""
    for header in CONTRACT["components"]["headers"].values():
        _validator(header["schema"]).validate(header["example"])
