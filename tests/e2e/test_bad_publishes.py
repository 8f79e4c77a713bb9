"""Publishes of what can't be a table: each gets a problem that names the value, and nothing that was there is touched."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.problems import check, check_document
from tests.stack import Stack

NONE = "0" * 26
TOTAL = "SELECT count(*), sum(id) FROM kept"


NAMES = ["1abc", "Abc", "a-b", "a b", "x" * 64, "säle", "a;drop", "../etc", "_x", "kept\n"]
RESERVED = ["select", "table", "from", "values"]
COLUMNS: list[tuple[list[dict[str, Any]], str, str]] = [
    ([{"source_name": "nope"}], "contract_invalid", "'nope'"),
    ([{"source_name": "id"}, {"source_name": "id"}], "contract_invalid", "'id'"),
    ([{"source_name": "id", "type": "decimal(39,2)"}], "contract_invalid", "decimal(39,2)"),
    ([{"source_name": "id", "type": "decimal(3,5)"}], "contract_invalid", "decimal(3,5)"),
    ([{"source_name": "id", "type": "varchar"}], "validation_failed", "varchar"),
    ([{"source_name": "id", "name": "1x"}], "validation_failed", "1x"),
    ([{"source_name": "id", "name": "A b"}], "validation_failed", "A b"),
    ([{"source_name": "id", "name": "name"}], "contract_invalid", "'id' and 'name'"),
    ([{"source_name": "name", "format": "%Y"}], "contract_invalid", "'%Y'"),
    ([{"source_name": "day", "type": "date", "format": "%Q"}], "contract_invalid", "%Q"),
    ([{"source_name": name, "include": False} for name in ("id", "name", "price", "day")], "contract_invalid", "No column"),
]


@pytest.mark.parametrize("name", NAMES)
def test_illegal_names(stack: Stack, kept: str, name: str) -> None:
    """A name that a table can't have is shown in the refusal."""
    problem = check(stack.http.post("/v1/datasets", json={"upload_id": kept, "name": name}), 422, "validation_failed", name)
    assert [error["pointer"] for error in problem["errors"]] == ["#/name"]


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_names(stack: Stack, kept: str, name: str) -> None:
    """Words of the SQL are no names."""
    check(stack.http.post("/v1/datasets", json={"upload_id": kept, "name": name}), 422, "invalid_name", name)


@pytest.mark.parametrize(("columns", "code", "needle"), COLUMNS, ids=lambda value: str(value)[:40])
def test_impossible_columns(stack: Stack, kept: str, columns: list[dict[str, Any]], code: str, needle: str) -> None:
    """Unknown columns, impossible types and names are refused together with the place in the request."""
    problem = check(stack.http.post("/v1/datasets", json={"upload_id": kept, "name": "other", "columns": columns}), 422, code, needle)
    assert all(error["pointer"].startswith("#/columns") for error in problem["errors"])
    check(stack.http.get("/v1/datasets/other"), 404, "dataset_not_found", "other")


def test_publishes_that_can_not_be(stack: Stack, kept: str) -> None:
    """A taken name, another version, nothing to replace, a foreign profile, and settings that do not exist."""
    cases: list[tuple[dict[str, Any], int, str, str]] = [
        ({"name": "kept"}, 409, "dataset_exists", "kept"),
        ({"name": "kept", "mode": "replace", "expected_version": 7}, 409, "version_conflict", "not at 7"),
        ({"name": "nowhere", "mode": "append"}, 404, "dataset_not_found", "nowhere"),
        ({"name": "other", "profile_id": f"prf_{NONE}"}, 404, "profile_not_found", f"prf_{NONE}"),
        ({"name": "other", "upload_id": f"upl_{NONE}"}, 404, "upload_not_found", f"upl_{NONE}"),
        ({"name": "other", "upload_id": "rubbish"}, 422, "validation_failed", "rubbish"),
        ({"name": "other", "mode": "sideways"}, 422, "validation_failed", "sideways"),
        ({"name": "other", "colour": "red"}, 422, "validation_failed", "red"),
        ({"name": "other", "max_reject_ratio": 2}, 422, "validation_failed", "2"),
    ]
    for body, status, code, needle in cases:
        check(stack.http.post("/v1/datasets", json={"upload_id": kept, **body}), status, code, needle)


def test_values_that_do_not_fit(stack: Stack, kept: str) -> None:
    """A type that the values do not have is refused at once or fails the publish; the table stays what it was, and the rejects say why."""
    forced: dict[str, Any] = {"columns": [{"source_name": "name", "type": "bigint"}]}
    strict = stack.http.post("/v1/datasets", json={"upload_id": kept, "name": "kept", "mode": "replace", "on_reject": "fail", **forced})
    check(strict, 422, "contract_invalid", "bigint", "500 values", "'n0'", "line 2")
    job = stack.publish(kept, "kept", mode="replace", **forced)
    assert job["state"] == "failed"
    check_document(job["error"], 422, "too_many_rejects", "500 of 500", "5.00%")
    reject = stack.http.get(f"/v1/jobs/{job['id']}/rejects", params={"limit": 1}).json()["items"][0]
    assert (reject["line"], reject["code"]) == (2, "cast_failed")
    assert "n0" in reject["detail"]
    assert stack.rows(TOTAL) == [["500", str(sum(range(500)))]]


def test_rejects_beyond_the_policy(stack: Stack, kept: str) -> None:
    """More rejects than allowed, or one where none is, fail the publish with the figures or the line; the name is free again."""
    assert kept
    ragged = stack.upload_bytes(b"a,b\n1,2\n1,2,3\n4,5\n")["id"]
    assert stack.profile(ragged)["state"] == "succeeded"
    for more, code, needles in (
        ({"max_reject_ratio": 0.1}, "too_many_rejects", ("1 of 3", "10.00%")),
        ({"on_reject": "fail"}, "record_rejected", ("Line 3", "3 fields")),
    ):
        job = stack.publish(ragged, "ragged", **more)
        assert job["state"] == "failed"
        check_document(job["error"], 422, code, *needles)
        assert [reject["line"] for reject in stack.http.get(f"/v1/jobs/{job['id']}/rejects").json()["items"]] == [3]
        check(stack.http.get("/v1/datasets/ragged"), 404, "dataset_not_found", "ragged")
    assert stack.publish(ragged, "ragged", max_reject_ratio=0.5)["state"] == "succeeded"
    assert stack.rows("SELECT a, b FROM ragged ORDER BY a") == [["1", "2"], ["4", "5"]]
