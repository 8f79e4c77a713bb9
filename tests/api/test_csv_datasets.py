"""Datasets as CSV: the SerDe is chosen by the columns, and what is certain to be refused is refused at once."""

from __future__ import annotations

from itertools import count
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, select, update

from services.shared.clock import utc_now
from services.shared.publish_contract import PublishContract
from services.shared.records.tables import dataset_versions, datasets
from tests.api.house import House

_NUMBERS = count()


def post(api: House, upload: dict[str, Any], name: str, **more: Any) -> httpx.Response:
    return api.http.post("/v1/datasets", json={"upload_id": upload["id"], "name": name, **more})


def new_name() -> str:
    return f"csv_{next(_NUMBERS)}"


def contract_of(api: House, answer: httpx.Response) -> PublishContract:
    assert answer.status_code == 202, answer.text
    with api.services.database.read() as tx:
        return PublishContract.from_json(api.services.jobs.load(tx, answer.json()["id"]).params)


def made(api: House, name: str, contract: PublishContract) -> None:
    """Let a publish have ended: its version is the current one."""
    with api.services.database.write() as tx:
        dataset = tx.execute(select(datasets).where(datasets.c.name == name)).mappings().one()
        columns = [{"name": c.name, "type": c.type, "source_name": c.source_name, "comment": ""} for c in contract.columns]
        values = {"mode": "create", "prefix": "p/", "format": contract.format, "serde": contract.serde, "columns": columns, "files": 1, "rows": 1}
        figures = {"bytes": 1, "column_bytes": {}, "statistics": [], "source": {}, "receipt": {}, "crawl": {}, "created_at": utc_now()}
        tx.execute(insert(dataset_versions).values(dataset_id=dataset["id"], version=1, job_id=dataset["busy_job_id"], **values, **figures))
        tx.execute(update(datasets).where(datasets.c.id == dataset["id"]).values(version=1, busy_job_id=None, state="ready"))


@pytest.mark.parametrize(
    ("data", "more", "serde"),
    [
        (b'name,note\nx,"a,b"\ny,""\n', {}, "OpenCSVSerDe"),
        (b"name,note\nx,\n", {}, "LazySimpleSerDe"),
        (b"name,n\nx,1\n", {}, "LazySimpleSerDe"),
        (b"name,n\nx,1\n", {"columns": [{"source_name": "n", "include": False}]}, "OpenCSVSerDe"),
        (b"name,n\nx,1\n", {"columns": [{"source_name": "n", "type": "string"}]}, "LazySimpleSerDe"),
    ],
)
def test_the_columns_choose_the_serde(api: House, data: bytes, more: dict[str, Any], serde: str) -> None:
    """Text alone, and never NULL, is OpenCSVSerDe's; everything else is LazySimpleSerDe's."""
    contract = contract_of(api, post(api, api.profiled(data), new_name(), format="csv", **more))
    assert (contract.format, contract.serde) == ("csv", serde)


def test_an_append_keeps_the_format(api: House) -> None:
    """Left out, the format and the SerDe are the table's; another one is refused and named; a replace may change it."""
    text = api.profiled(b"name,note\nx,y\n")
    name = new_name()
    made(api, name, contract_of(api, post(api, text, name, format="csv")))
    refused = post(api, text, name, mode="append", format="parquet")
    assert (refused.status_code, refused.json()["code"]) == (422, "contract_invalid")
    assert refused.json()["errors"][0]["pointer"] == "#/format"
    contract = contract_of(api, post(api, text, name, mode="append"))
    assert (contract.format, contract.serde) == ("csv", "OpenCSVSerDe")


@pytest.mark.parametrize(
    ("data", "more", "said"),
    [
        (b"name,note\nx,\n", {}, "Column note: 1 cells are NULL"),
        (b"name\nx\n", {"on_missing_column": "null"}, "Column note: the file has no such column"),
        (b'name,note\nx,"a\nb"\n', {}, "Column note: 'a\\nb' has a line break"),
    ],
)
def test_what_the_profile_knows_is_refused_at_once(api: House, data: bytes, more: dict[str, Any], said: str) -> None:
    """The column, what is wrong with it and the way out; the dataset is not taken."""
    text = api.profiled(b"name,note\nx,y\n")
    name = new_name()
    made(api, name, contract_of(api, post(api, text, name, format="csv")))
    answer = post(api, api.profiled(data), name, mode="append", **more)
    assert (answer.status_code, answer.json()["code"]) == (422, "csv_cannot_carry")
    assert said in answer.json()["detail"]
    assert "Parquet" in answer.json()["detail"]
    assert post(api, text, name, mode="append").status_code == 202


def test_a_line_break_is_refused_at_once_for_a_new_table(api: House) -> None:
    """It needs no publish to know; as Parquet the same file is taken, and the name is free."""
    upload = api.profiled(b'k,note\n1,"a\r\nb"\n')
    name = new_name()
    assert post(api, upload, name, format="csv").json()["code"] == "csv_cannot_carry"
    assert contract_of(api, post(api, upload, name)).serde is None
