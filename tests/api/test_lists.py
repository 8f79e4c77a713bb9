"""Lists: every item once, the newest first, and a cursor that belongs to one list with its filters."""

from __future__ import annotations

from typing import Any

import pytest

from services.shared.jobs.model import Kind, NewJob
from services.shared.principal import LOCAL
from tests.api.house import House, code


@pytest.fixture(scope="module")
def resource(api: House) -> str:
    """An upload with 25 jobs, some of the same microsecond."""
    with api.services.database.write() as tx:
        for _ in range(25):
            new = NewJob(kind=Kind.PROFILE, resource_type="upload", resource_id="upl_0000000000000000000000list", params={})
            api.services.jobs.cancel(tx, api.services.jobs.submit(tx, new, principal=LOCAL).id)
    return "upl_0000000000000000000000list"


def pages(api: House, path: str, **params: Any) -> list[list[dict[str, Any]]]:
    """Read a whole list."""
    found, cursor = [], None
    for _ in range(100):
        page = api.get(path, params={**params, **({"cursor": cursor} if cursor else {})})
        found.append(page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            return found
    raise AssertionError("the list does not end")


def test_every_item_once_newest_first(api: House, resource: str) -> None:
    """Pages join to the whole list in falling order of time, and only the last one has no cursor."""
    found = pages(api, "/v1/jobs", resource_id=resource, limit=10)
    assert [len(page) for page in found] == [10, 10, 5]
    times = [(job["queued_at"], job["id"]) for page in found for job in page]
    assert times == sorted(times, reverse=True)
    assert len({job_id for _, job_id in times}) == 25


def test_new_items_do_not_shift_pages(api: House, resource: str) -> None:
    """What is made while someone reads appears in no later page."""
    first = api.get("/v1/jobs", params={"resource_id": resource, "limit": 10})
    with api.services.database.write() as tx:
        new = NewJob(kind=Kind.PROFILE, resource_type="upload", resource_id=resource, params={})
        api.services.jobs.cancel(tx, api.services.jobs.submit(tx, new, principal=LOCAL).id)
    second = api.get("/v1/jobs", params={"resource_id": resource, "limit": 10, "cursor": first["next_cursor"]})
    assert not {job["id"] for job in first["items"]} & {job["id"] for job in second["items"]}
    assert second["items"][0]["queued_at"] <= first["items"][-1]["queued_at"]


def test_a_cursor_belongs_to_its_list(api: House, resource: str) -> None:
    """Another list, other filters, a changed letter and plain nonsense are refused; another limit is not."""
    cursor = api.get("/v1/jobs", params={"resource_id": resource, "limit": 10})["next_cursor"]
    assert len(api.get("/v1/jobs", params={"resource_id": resource, "limit": 3, "cursor": cursor})["items"]) == 3
    strange = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    for path, params in [
        ("/v1/jobs", {"cursor": cursor}),
        ("/v1/jobs", {"cursor": cursor, "resource_id": resource, "state": "failed"}),
        ("/v1/uploads", {"cursor": cursor}),
        ("/v1/datasets", {"cursor": cursor}),
        ("/v1/queries", {"cursor": cursor}),
        ("/v1/catalog/databases", {"cursor": cursor}),
        ("/v1/catalog/databases/headwater/tables", {"cursor": cursor}),
        ("/v1/jobs", {"cursor": strange, "resource_id": resource}),
        ("/v1/jobs", {"cursor": "nonsense", "resource_id": resource}),
        ("/v1/jobs", {"cursor": "é", "resource_id": resource}),
        ("/v1/jobs", {"cursor": "", "resource_id": resource}),
    ]:
        assert code(api.http.get(path, params=params)) == (400, "invalid_cursor"), params


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 501}, {"limit": "many"}, {"cursor": "c" * 513}, {"state": "gone"}, {"kind": "query"}])
def test_limits_of_a_list(api: House, params: dict[str, Any]) -> None:
    """What is out of bounds is refused with its value."""
    assert code(api.http.get("/v1/jobs", params=params)) == (422, "validation_failed")


def test_a_list_has_an_etag(api: House, resource: str) -> None:
    """A list that did not change costs 304."""
    params = {"resource_id": resource}
    etag = api.http.get("/v1/jobs", params=params).headers["ETag"]
    assert api.http.get("/v1/jobs", params=params, headers={"If-None-Match": etag}).status_code == 304


def test_search_takes_signs_as_they_are(api: House) -> None:
    """`%` and `_` in a search are letters like others, and case does not count."""
    made = api.query("SELECT 'Fifty%_Percent' AS signs")
    found = [query["id"] for query in api.get("/v1/queries", params={"q": "fifty%_percent"})["items"]]
    assert found == [made["id"]]
    assert api.get("/v1/queries", params={"q": "fifty__percent"})["items"] == []
    assert made["id"] in [query["id"] for query in api.get("/v1/queries", params={"state": ["succeeded", "failed"]})["items"]]
    assert api.get("/v1/queries", params={"q": "fifty%_percent", "state": "failed"})["items"] == []


def test_tables_are_paged_by_name(api: House) -> None:
    """Lists of the catalog go by name."""
    upload = api.profiled(b"a\n1\n")
    for name in ("list_b", "list_c", "list_a"):
        assert api.publish(upload["id"], name)["state"] == "succeeded"
    found = pages(api, "/v1/catalog/databases/headwater/tables", q="list_", limit=2)
    assert [[table["name"] for table in page] for page in found] == [["list_a", "list_b"], ["list_c"]]
    names = [dataset["name"] for page in pages(api, "/v1/datasets", q="LIST_", limit=2) for dataset in page]
    assert names == ["list_a", "list_c", "list_b"]
