"""One file's whole story over HTTP: upload, preview, profile, publish, catalog, query, result, download, drop."""

from __future__ import annotations

import io
from typing import Any

import pyarrow.parquet as pq
import pytest

from services.api.schemas import catalog, datasets, jobs, profiles, queries, results, uploads
from tests.api.house import House, code

CSV = b"Order ID,Country,Price,Ordered\n" + b"".join(
    b"%d,%s,%d.50,2026-01-%02d\n" % (i, b"DE" if i % 2 else b"FR", i, i % 28 + 1) for i in range(1, 1501)
)


@pytest.fixture(scope="module")
def upload(api: House) -> dict[str, Any]:
    """An upload with a finished profile."""
    return api.profiled(CSV)


@pytest.fixture(scope="module")
def dataset(api: House, upload: dict[str, Any]) -> dict[str, Any]:
    """A published dataset."""
    job = api.publish(upload["id"], "story_orders", description="Orders of a story")
    assert job["state"] == "succeeded", job["error"]
    assert job["result"] == {"dataset": "story_orders", "version": 1}
    return dict(api.get("/v1/datasets/story_orders"))


def test_upload_names_its_profile(upload: dict[str, Any]) -> None:
    """Once the profile is made the upload has its digest and its profile."""
    assert uploads.Upload.model_validate(upload).state == "complete"
    assert upload["profile_id"]
    assert len(upload["sha256"]) == 64


def test_preview(api: House, upload: dict[str, Any]) -> None:
    """The preview has the first rows as text, cut to the rows and columns that were asked for."""
    path = f"/v1/uploads/{upload['id']}/preview"
    whole = api.get(path)
    uploads.Preview.model_validate(whole)
    assert (len(whole["rows"]), whole["complete"]) == (50, True)
    part = api.get(path, params={"rows": 2, "columns": "1:3"})
    assert [column["source_name"] for column in part["columns"]] == ["Country", "Price"]
    assert part["rows"] == [["DE", "1.50"], ["FR", "2.50"]]


def test_profile(api: House, upload: dict[str, Any]) -> None:
    """A profile says what is in the file, all of it or a range of columns, and never changes."""
    by_upload = api.http.get(f"/v1/uploads/{upload['id']}/profile")
    by_id = api.http.get(f"/v1/profiles/{upload['profile_id']}")
    assert by_upload.content == by_id.content
    profile = profiles.Profile.model_validate(by_id.json())
    assert (profile.records, profile.header_records, profile.total_columns) == (1500, 1, 4)
    assert [(column.name, column.type) for column in profile.columns][:2] == [("order_id", "bigint"), ("country", "string")]
    part = api.get(f"/v1/profiles/{upload['profile_id']}", params={"columns": "2:"})
    assert [column["position"] for column in part["columns"]] == [2, 3]
    assert api.get(f"/v1/profiles/{upload['profile_id']}", params={"columns": "9:12"})["columns"] == []
    again = api.http.get(f"/v1/profiles/{upload['profile_id']}", headers={"If-None-Match": by_id.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_job_of_the_profile(api: House, upload: dict[str, Any]) -> None:
    """The profile's job says what it made and keeps its figures after the end."""
    job = api.get(f"/v1/jobs/{upload['profile_job_id']}")
    jobs.Job.model_validate(job)
    assert (job["kind"], job["state"], job["result"]) == ("profile", "succeeded", {"profile_id": upload["profile_id"]})
    assert job["progress"]["percent"] == 100
    assert job["progress"]["bytes_done"] == len(CSV)


def test_dataset(dataset: dict[str, Any], upload: dict[str, Any]) -> None:
    """A dataset says what its current version is and where it came from."""
    datasets.Dataset.model_validate(dataset)
    assert (dataset["state"], dataset["version"], dataset["rows"], dataset["description"]) == ("ready", 1, 1500, "Orders of a story")
    assert dataset["source"] == {"upload_id": upload["id"], "profile_id": upload["profile_id"], "filename": "orders.csv", "sha256": upload["sha256"]}
    assert dataset["columns"][0] == {"name": "order_id", "type": "bigint", "source_name": "Order ID", "comment": None}
    assert dataset["crawler"]["state"] == "ready"


def test_receipt_and_versions(api: House, dataset: dict[str, Any]) -> None:
    """The receipt of the current version balances, and the list of versions has it."""
    receipt = api.get("/v1/datasets/story_orders/receipt")
    assert datasets.Receipt.model_validate(receipt).balanced
    assert receipt == api.get("/v1/datasets/story_orders/receipt", params={"version": 1})
    assert code(api.http.get("/v1/datasets/story_orders/receipt", params={"version": 9})) == (404, "version_not_found")
    versions = datasets.DatasetVersionList.model_validate(api.get("/v1/datasets/story_orders/versions"))
    assert [(one.version, one.current, one.mode, one.rows) for one in versions.items] == [(1, True, "create", dataset["rows"])]
    assert api.get("/v1/datasets/story_orders/versions/1/rejects") == {"items": [], "next_cursor": None}


def test_catalog(api: House, dataset: dict[str, Any]) -> None:
    """The catalog shows the table with the size that its dataset has, and not what a crawl proposes."""
    found = api.get("/v1/catalog/databases")
    catalog.CatalogDatabaseList.model_validate(found)
    assert [one["name"] for one in found["items"]] == ["headwater"]
    table = api.get("/v1/catalog/databases/headwater/tables/story_orders")
    catalog.CatalogTable.model_validate(table)
    assert (table["rows"], table["bytes"], table["dataset"]) == (1500, dataset["bytes"], "story_orders")
    assert table in api.get("/v1/catalog/databases/headwater/tables", params={"q": "STORY"})["items"]
    assert code(api.http.get("/v1/catalog/databases/headwater/tables/none")) == (404, "catalog_table_not_found")
    assert code(api.http.get("/v1/catalog/databases/headwater_staging/tables")) == (404, "database_not_found")


def test_query_pages(api: House, dataset: dict[str, Any]) -> None:
    """A result is read in pages, each row once, and values are written by their column's type."""
    query = api.query("SELECT order_id, country, price, ordered FROM story_orders ORDER BY order_id")
    queries.Query.model_validate(query)
    assert query["state"] == "succeeded", query["error"]
    assert (query["statistics"]["rows"], query["engine"]) == (dataset["rows"], "duckdb")
    path, rows, cursor = f"/v1/queries/{query['id']}/results", [], None
    while True:
        page = api.get(path, params={"limit": 700, **({"cursor": cursor} if cursor else {})})
        results.ResultPage.model_validate(page)
        rows += page["rows"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(rows) == page["total_rows"] == 1500
    assert [row[0] for row in rows] == [str(i) for i in range(1, 1501)]
    assert rows[0][1:] == ["DE", "1.50", "2026-01-02"]


def test_query_csv(api: House, dataset: dict[str, Any]) -> None:
    """The CSV is the stored result, whole or a range of its bytes, under a strong ETag."""
    assert dataset["version"]
    query = api.query("SELECT order_id, country FROM story_orders ORDER BY 1 LIMIT 2")
    path = f"/v1/queries/{query['id']}/download"
    whole = api.http.get(path)
    assert whole.content == b'"order_id","country"\n"1","DE"\n"2","FR"\n'
    assert whole.headers["content-type"].startswith("text/csv")
    assert whole.headers["content-disposition"] == f"attachment; filename=\"{query['id']}.csv\"; filename*=UTF-8''{query['id']}.csv"
    etag = whole.headers["ETag"]
    assert not etag.startswith("W/")
    part = api.http.get(path, headers={"Range": "bytes=1-8", "If-Range": etag})
    assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, b"order_id", f"bytes 1-8/{len(whole.content)}")
    assert api.http.get(path, headers={"Range": "bytes=-4"}).content == b'FR"\n'[-4:]
    assert api.http.get(path, headers={"Range": "bytes=30-"}).content == whole.content[30:]
    for ignored in ({"Range": "bytes=0-1,4-5"}, {"Range": "bytes=1-2", "If-Range": '"other"'}, {"Range": "lines=1-2"}):
        answer = api.http.get(path, headers=ignored)
        assert (answer.status_code, answer.content) == (200, whole.content)
    beyond = api.http.get(path, headers={"Range": "bytes=9999-"})
    assert code(beyond) == (416, "range_not_satisfiable")
    assert beyond.headers["Content-Range"] == f"bytes */{len(whole.content)}"
    assert api.http.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_query_parquet(api: House, dataset: dict[str, Any]) -> None:
    """Parquet is made once by an export job: 202 with one job until it is there, then the file."""
    assert dataset["version"]
    query = api.query("SELECT order_id, price FROM story_orders ORDER BY 1")
    path = f"/v1/queries/{query['id']}/download"
    first = api.http.get(path, params={"format": "parquet"})
    second = api.http.get(path, params={"format": "parquet"})
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert first.json()["resource"] == {"type": "query", "id": query["id"]}
    assert first.headers["Retry-After"]
    api.work()
    job = api.get(first.headers["Location"])
    assert (job["kind"], job["state"]) == ("export", "succeeded"), job["error"]
    made = api.http.get(path, params={"format": "parquet"})
    assert (made.status_code, made.headers["content-type"]) == (200, "application/vnd.apache.parquet")
    assert job["result"] == {"query_id": query["id"], "format": "parquet", "safe": None, "bytes": len(made.content)}
    assert pq.read_table(io.BytesIO(made.content)).num_rows == 1500


def test_show_and_describe(api: House, dataset: dict[str, Any]) -> None:
    """SHOW and DESCRIBE are queries like others."""
    assert dataset["version"]
    shown = api.query("SHOW TABLES")
    assert ["story_orders"] in api.get(f"/v1/queries/{shown['id']}/results")["rows"]
    described = api.query("DESCRIBE story_orders")
    assert api.get(f"/v1/queries/{described['id']}/results")["rows"][0][:2] == ["order_id", "bigint"]


def test_append_restore_and_drop(api: House) -> None:
    """Append makes version 2, restore makes version 3 of version 1's files, and a drop takes the name away."""
    upload = api.profiled(b"a,b\n1,x\n2,y\n", "life.csv")
    assert api.publish(upload["id"], "story_life")["state"] == "succeeded"
    appended = api.publish(upload["id"], "story_life", mode="append", expected_version=1, description="Twice")
    assert appended["result"] == {"dataset": "story_life", "version": 2}, appended["error"]
    assert (api.get("/v1/datasets/story_life")["rows"], api.get("/v1/datasets/story_life")["description"]) == (4, "Twice")
    answer = api.http.post("/v1/datasets/story_life/versions/1/restore")
    assert answer.status_code == 202, answer.text
    api.work()
    assert api.get(answer.headers["Location"])["state"] == "succeeded"
    dataset = api.get("/v1/datasets/story_life")
    assert (dataset["version"], dataset["rows"]) == (3, 2)
    page = api.get("/v1/datasets/story_life/versions", params={"limit": 2})
    rest = api.get("/v1/datasets/story_life/versions", params={"limit": 2, "cursor": page["next_cursor"]})
    versions = page["items"] + rest["items"]
    assert [(one["version"], one["mode"], one["restored_from"]) for one in versions] == [(3, "restore", 1), (2, "append", None), (1, "create", None)]
    dropped = api.http.delete("/v1/datasets/story_life")
    assert (dropped.status_code, dropped.json()["kind"]) == (202, "drop")
    assert code(api.http.delete("/v1/datasets/story_life")) == (409, "dataset_busy")
    assert api.get("/v1/datasets/story_life")["state"] == "dropping"
    api.work()
    assert api.get(dropped.headers["Location"])["result"] == {"dropped": "story_life"}
    assert code(api.http.get("/v1/datasets/story_life")) == (404, "dataset_not_found")
    assert code(api.http.post("/v1/queries", json={"sql": "SELECT * FROM story_life"})) == (422, "table_not_found")
