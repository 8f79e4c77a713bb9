"""The comparison of a served document with the contract: silent on spelling, loud on every change of meaning."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi import FastAPI
from pydantic import BaseModel

from tests.contract.compare import canonical, differences

ROOT = Path(__file__).resolve().parents[2]
CONTRACT: dict[str, Any] = yaml.safe_load((ROOT / "contract" / "openapi.yaml").read_text("utf-8"))


class Item(BaseModel):
    """An answer of the small application below."""

    name: str | None
    size: int


def test_a_document_equals_itself() -> None:
    """The contract compared with itself has no difference, whatever words for people were changed."""
    other = deepcopy(CONTRACT)
    other["paths"]["/v1/jobs"]["get"]["summary"] = "Other words."
    other["components"]["schemas"]["Job"]["title"] = "Job"
    other["components"]["schemas"]["Job"]["properties"]["kind"]["description"] = "Other words."
    other["components"]["schemas"]["Job"]["examples"] = []
    assert differences(other, CONTRACT) == []


def _drop_operation(document: dict[str, Any]) -> None:
    del document["paths"]["/v1/jobs/{job_id}/retry"]


def _add_operation(document: dict[str, Any]) -> None:
    document["paths"]["/v1/extra"] = {"get": {"operationId": "extra", "responses": {}}}


def _rename_operation(document: dict[str, Any]) -> None:
    document["paths"]["/v1/jobs"]["get"]["operationId"] = "jobs"


def _drop_parameter(document: dict[str, Any]) -> None:
    document["paths"]["/v1/jobs"]["get"]["parameters"].pop(0)


def _loosen_parameter(document: dict[str, Any]) -> None:
    document["components"]["parameters"]["Limit"]["schema"]["maximum"] = 501


def _require_parameter(document: dict[str, Any]) -> None:
    document["components"]["parameters"]["Cursor"]["required"] = True


def _change_body(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["QueryRequest"]["required"].append("database")


def _change_answer(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["Progress"]["properties"]["percent"]["type"] = "number"


def _open_answer(document: dict[str, Any]) -> None:
    del document["components"]["schemas"]["Progress"]["additionalProperties"]


def _change_default(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["DatasetRequest"]["properties"]["mode"]["default"] = "replace"


def _drop_status(document: dict[str, Any]) -> None:
    del document["paths"]["/v1/jobs"]["get"]["responses"]["304"]


def _change_media(document: dict[str, Any]) -> None:
    response = document["components"]["responses"]["NotFound"]
    response["content"] = {"application/json": response["content"]["application/problem+json"]}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_drop_operation, "POST /v1/jobs/{job_id}/retry: is in the contract and not served"),
        (_add_operation, "GET /v1/extra: is served and not in the contract"),
        (_rename_operation, 'GET /v1/jobs: operationId: serves "jobs", the contract has "list_jobs"'),
        (_drop_parameter, "GET /v1/jobs: parameters/query kind: is in the contract and not served"),
        (_loosen_parameter, "GET /v1/jobs: parameters/query limit/schema/maximum: serves 501, the contract has 500"),
        (_require_parameter, "GET /v1/jobs: parameters/query cursor/required: serves true, the contract has false"),
        (_change_body, "POST /v1/queries: request body/content/application/json/required: "),
        (_change_answer, "GET /v1/jobs/{job_id}: responses/200/application/json/properties/progress/properties/percent"),
        (_open_answer, "GET /v1/jobs/{job_id}: responses/200/application/json/properties/progress/additionalProperties: is in the contract"),
        (_change_default, "POST /v1/datasets: request body/content/application/json/properties/mode/default: "),
        (_drop_status, "GET /v1/jobs: responses/304: is in the contract and not served"),
        (_change_media, "GET /v1/jobs/{job_id}: responses/404/application/json: is served and not in the contract"),
    ],
)
def test_every_change_of_meaning_is_found(change: Callable[[dict[str, Any]], None], named: str) -> None:
    """A change of paths, names, parameters, bodies, answers or statuses is named at its place."""
    served = deepcopy(CONTRACT)
    change(served)
    assert [line for line in differences(served, CONTRACT) if line.startswith(named)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"type": ["string", "null"], "maxLength": 3}, {"anyOf": [{"maxLength": 3, "type": "string"}, {"type": "null"}], "title": "T"}),
        ({"type": "string", "enum": ["a"]}, {"const": "a", "type": "string"}),
        ({"type": "string", "enum": ["b", "a"]}, {"enum": ["a", "b"], "type": "string"}),
        ({"type": "integer", "default": None}, {"type": "integer"}),
        ({"type": ["integer", "string"], "minimum": 0}, {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 0}]}),
        ({"type": "object", "required": ["a", "b"]}, {"type": "object", "required": ["b", "a"]}),
    ],
)
def test_spelling_does_not_matter(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Two spellings of one meaning are equal."""
    assert canonical(one, {}) == canonical(other, {})


def test_what_fastapi_serves_is_understood() -> None:
    """A FastAPI application and a contract written by hand for it agree; its optional parameters are not taken for nullable ones."""

    app = FastAPI()

    @app.get("/items/{item_id}", operation_id="get_item", responses={422: {"model": Item}})
    def get_item(item_id: str, q: str | None = None) -> Item:
        return Item(name=q, size=len(item_id))

    item = {"type": "object", "required": ["size", "name"], "properties": {"name": {"type": ["string", "null"]}, "size": {"type": "integer"}}}
    answer = {"description": "An item.", "content": {"application/json": {"schema": item}}}
    operation = {
        "operationId": "get_item",
        "parameters": [
            {"name": "item_id", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "q", "in": "query", "schema": {"type": "string"}},
        ],
        "responses": {"200": answer, "422": answer},
    }
    assert differences(app.openapi(), {"paths": {"/items/{item_id}": {"get": operation}}}) == []
