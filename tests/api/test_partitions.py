"""What may be a partition key is said before anything is published, with the figures and the way out."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.house import House, code

DATA = b"id,country,city,day,at,share,_x,note,day_month\n" + b"".join(
    b'%d,%s,c%d,%d-%02d-01,2020-01-01T00:00:%02d,%d.5e3,%d,"%s",%d\n'
    % (n, b"DE" if n % 2 else b"FR", n % 40, 2000 + n % 20, 1 + n % 12, n % 60, n, n % 3, b"" if n % 5 == 0 else b"n", n % 7)
    for n in range(400)
)


@pytest.fixture(scope="module")
def upload(api: House) -> dict[str, Any]:
    """Send the file, profiled by a worker of the test's own."""
    return api.profiled(DATA)


def ask(api: House, upload: dict[str, Any], *keys: str, **request: Any) -> httpx.Response:
    """Ask for a partitioned dataset."""
    return api.http.post("/v1/datasets", json={"upload_id": upload["id"], "name": "refused", "partition_by": keys, **request})


@pytest.mark.parametrize(
    ("keys", "place", "words"),
    [
        (["contry"], "0", "there is no column contry to publish. Did you mean country?"),
        (["id", "share"], "1", "share is a double"),
        (["at"], "0", "year(at), month(at) and day(at) can be keys"),
        (["country", "country"], "1", "twice"),
        (["day", "year(day)"], "1", "day is a key itself"),
        (["year(country)"], "0", "country is a string; only dates and timestamps have a year"),
        (["month(day)"], "0", "it becomes the column day_month, and the file has one of this name"),
        (["_x"], "0", "Athena skips folders whose names begin with an underscore"),
        (
            ["note"],
            "0",
            '80 values are the empty text, which the name of a folder can\'t tell from NULL: profile the upload again with null_values [""]',
        ),
    ],
)
def test_keys_that_can_t_be(api: House, upload: dict[str, Any], keys: list[str], place: str, words: str) -> None:
    """Each is refused at its place, by name, with what would do instead."""
    answer = ask(api, upload, *keys)
    assert code(answer) == (422, "contract_invalid")
    (error,) = answer.json()["errors"]
    assert error["pointer"] == f"#/partition_by/{place}"
    assert words in error["detail"]


def test_columns_that_are_left_out_or_all_there_is(api: House, upload: dict[str, Any]) -> None:
    """A column that is not published is no key, and a table has a column that is no key."""
    answer = ask(api, upload, "city", columns=[{"source_name": "city", "include": False}])
    assert "city is left out" in answer.json()["detail"]
    answer = ask(api, upload, "city", "country", columns=[{"source_name": "city"}, {"source_name": "country"}], other_columns="leave_out")
    assert "these are all columns" in answer.json()["detail"]
    assert code(answer) == (422, "contract_invalid")


@pytest.mark.parametrize("keys", [["year (day)"], ["hour(at)"], ["Country"], ["a", "b", "c", "d", "e"], [""], ["year(day)x"]])
def test_what_is_no_entry(api: House, upload: dict[str, Any], keys: list[str]) -> None:
    """Only the contract's spellings are taken, and at most four."""
    assert code(ask(api, upload, *keys)) == (422, "validation_failed")


def test_tiny_partitions(api: House, upload: dict[str, Any]) -> None:
    """More than a hundred partitions of next to nothing are refused with the figures of the profile."""
    answer = ask(api, upload, "id")
    assert code(answer) == (422, "too_many_partitions")
    size = len(DATA)
    assert f"{size:,} bytes in up to 400 partitions (400 of id) are {size // 400} bytes each" in answer.json()["detail"]


def test_too_many_partitions(start_house: Any) -> None:
    """The product of the keys' values is named, key by key, and what to do."""
    house = start_house(max_partitions=100)
    upload = house.profiled(DATA)
    answer = ask(house, upload, "city", "year(day)", "month(at)")
    assert code(answer) == (422, "too_many_partitions")
    detail = answer.json()["detail"]
    assert "400 records may fall into 400 partitions (40 of city × 20 of year(day) × 1 of month(at)); a table may have 100" in detail
    assert "HEADWATER_MAX_PARTITIONS" in detail
    assert house.http.post("/v1/datasets", json={"upload_id": upload["id"], "name": "fine", "partition_by": ["city"]}).status_code == 202


def test_a_dataset_keeps_its_partitioning(api: House, upload: dict[str, Any]) -> None:
    """Left out it stays; an append never changes it, a replace changes keys but not the kind; the dataset and its versions show it."""
    assert api.publish(upload["id"], "kept", partition_by=["country", "year(day)"])["state"] == "succeeded"
    assert api.publish(upload["id"], "plain")["state"] == "succeeded"

    def change(name: str, mode: str, keys: list[str] | None) -> httpx.Response:
        return api.http.post("/v1/datasets", json={"upload_id": upload["id"], "name": name, "mode": mode, "partition_by": keys})

    refused: list[tuple[str, str, list[str]]] = [("kept", "append", ["country"]), ("kept", "append", []), ("kept", "replace", [])]
    refused += [("plain", mode, ["country"]) for mode in ("append", "replace")]
    for name, mode, keys in refused:
        answer = change(name, mode, keys)
        assert code(answer) == (409, "partitioning_conflict")
        assert name in answer.json()["detail"]
    assert api.publish(upload["id"], "kept", mode="append")["state"] == "succeeded"
    assert api.publish(upload["id"], "kept", mode="replace", partition_by=["city"])["state"] == "succeeded"

    found = api.get("/v1/datasets/kept")
    assert (found["partition_by"], found["files"]) == (["city"], 40)
    versions = api.get("/v1/datasets/kept/versions")["items"]
    assert [(v["partition_by"], v["rows"]) for v in versions] == [(["city"], 400), (["country", "year(day)"], 800), (["country", "year(day)"], 400)]
    derived = next(column for column in versions[1]["columns"] if column["name"] == "day_year")
    assert derived == {"name": "day_year", "type": "bigint", "source_name": "year(day)", "comment": "The year of day"}
    assert api.get("/v1/datasets/plain")["partition_by"] == []


def test_the_tables_behind_a_view_are_nobody_s(api: House, upload: dict[str, Any]) -> None:
    """Users see one table that describes itself; neither SQL, SHOW nor the catalog reaches the versions database."""
    assert api.publish(upload["id"], "seen", partition_by=["country"])["state"] == "succeeded"
    (behind,) = [table.name for table in api.services.catalog.list_tables("headwater_versions") if table.name.startswith("seen__v1_")]

    assert api.query("select country, count(*) from seen where country = 'DE' group by 1")["state"] == "succeeded"
    names = [table["name"] for table in api.get("/v1/catalog/databases/headwater/tables?q=seen")["items"]]
    assert names == ["seen"]
    described = api.query("describe seen")
    fields = api.get(f"/v1/queries/{described['id']}/results")["rows"]
    assert [row[:2] for row in fields][:3] == [["id", "bigint"], ["country", "string"], ["city", "string"]]
    for words in ("select * from headwater_versions.", "describe headwater_versions.", "show create table headwater_versions.", "select * from "):
        assert code(api.http.post("/v1/queries", json={"sql": words + behind})) == (422, "table_not_found")
    assert code(api.http.post("/v1/queries", json={"sql": "select 1", "database": "headwater_versions"})) == (404, "database_not_found")
    assert code(api.http.get("/v1/catalog/databases/headwater_versions/tables")) == (404, "database_not_found")
    assert "headwater_versions" not in [one["name"] for one in api.get("/v1/catalog/databases")["items"]]
