"""Saved queries over HTTP: kept as written, one name each, never overwritten unseen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.api.house import House, code

PATH = "/v1/saved-queries"
NONE = f"{PATH}/svq_00000000000000000000000000"


def save(api: House, name: str, sql: str = "SELECT 1", headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    """Keep a statement."""
    return api.http.post(PATH, json={"name": name, "sql": sql, **more}, headers=headers or {})


@pytest.fixture
def clean(api: House) -> House:
    """No saved queries."""
    for one in api.get(PATH, params={"limit": 500})["items"]:
        api.http.delete(f"{PATH}/{one['id']}")
    return api


def test_its_life(clean: House) -> None:
    """A draft that does not parse is kept letter by letter, found, replaced and deleted."""
    draft = "SELEKT\n  é '%_ -- \u0000 no end"
    made = save(clean, "Orders by country", draft, description="for Mondays", database="elsewhere")
    assert (made.status_code, made.headers["Location"]) == (201, f"{PATH}/{made.json()['id']}")
    found = clean.http.get(made.headers["Location"])
    assert found.json() == made.json()
    assert {name: found.json()[name] for name in ("name", "description", "sql", "database")} == {
        "name": "Orders by country", "description": "for Mondays", "sql": draft, "database": "elsewhere",
    }  # fmt: skip
    assert clean.http.get(made.headers["Location"], headers={"If-None-Match": found.headers["ETag"]}).status_code == 304
    changed = clean.http.put(made.headers["Location"], json={"name": "Orders", "sql": "SELECT 2"})
    assert (changed.status_code, changed.json()["description"], changed.json()["database"]) == (200, "", None)
    assert changed.json()["created_at"] == made.json()["created_at"]
    assert clean.http.get(made.headers["Location"]).headers["ETag"] == changed.headers["ETag"] != found.headers["ETag"]
    gone = clean.http.delete(made.headers["Location"])
    assert (gone.status_code, gone.content) == (204, b"")
    assert code(clean.http.delete(made.headers["Location"])) == (404, "saved_query_not_found")
    assert clean.get(PATH)["items"] == []


def test_a_name_is_one_query_s(clean: House) -> None:
    """A second query of a name is refused, whether made or renamed; its own name is no obstacle; a freed name is free."""
    first, second = save(clean, "a").json(), save(clean, "b").json()
    assert code(save(clean, "a")) == (409, "saved_query_exists")
    assert code(clean.http.put(f"{PATH}/{second['id']}", json={"name": "a", "sql": "SELECT 1"})) == (409, "saved_query_exists")
    assert clean.get(f"{PATH}/{second['id']}")["name"] == "b"
    assert clean.http.put(f"{PATH}/{first['id']}", json={"name": "a", "sql": "SELECT 3"}).status_code == 200
    assert save(clean, "A").status_code == 201
    clean.http.delete(f"{PATH}/{first['id']}")
    assert save(clean, "a").status_code == 201


def test_no_change_is_lost(clean: House) -> None:
    """With If-Match a change that someone else made is never overwritten or deleted unseen; of twenty at once one wins."""
    made = save(clean, "contested")
    path = made.headers["Location"]
    old = clean.http.get(path).headers["ETag"]
    new = clean.http.put(path, json={"name": "contested", "sql": "SELECT 2"}, headers={"If-Match": old}).headers["ETag"]
    lost = clean.http.put(path, json={"name": "contested", "sql": "SELECT 3"}, headers={"If-Match": old})
    assert code(lost) == (412, "precondition_failed")
    assert lost.headers["ETag"] == new
    assert code(clean.http.delete(path, headers={"If-Match": old})) == (412, "precondition_failed")

    def change(number: int) -> int:
        with httpx.Client(base_url=clean.http.base_url, timeout=30, trust_env=False) as http:
            return http.put(path, json={"name": "contested", "sql": f"SELECT {number}"}, headers={"If-Match": new}).status_code

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(change, range(20))) == [200] + [412] * 19
    assert clean.http.delete(path, headers={"If-Match": "*"}).status_code == 204


def test_a_key_makes_it_once(clean: House) -> None:
    """The same request under a key is done once; another one under it is refused."""
    key = {"Idempotency-Key": "saved-1"}
    first, again = (save(clean, "once", headers=key) for _ in range(2))
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert code(save(clean, "twice", headers=key)) == (409, "idempotency_conflict")


def test_search_and_pages(clean: House) -> None:
    """Names are found whatever their case, signs are letters, pages join, the newest comes first."""
    for number in range(5):
        save(clean, f"Report {number}")
    save(clean, "100%_sure")
    assert [one["name"] for one in clean.get(PATH, params={"q": "%_"})["items"]] == ["100%_sure"]
    names, cursor = [], None
    while True:
        page = clean.get(PATH, params={"q": "REPORT", "limit": 2, **({"cursor": cursor} if cursor else {})})
        names += [one["name"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == [f"Report {number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"name": "", "sql": "SELECT 1"}, "validation_failed"),
        ({"name": "  ", "sql": "SELECT 1"}, "validation_failed"),
        ({"name": "n" * 256, "sql": "SELECT 1"}, "validation_failed"),
        ({"name": "n", "sql": ""}, "validation_failed"),
        ({"name": "n", "sql": "SELECT 1", "description": "d" * 2049}, "validation_failed"),
        ({"name": "n", "sql": "SELECT 1", "database": "Not A Name"}, "validation_failed"),
        ({"name": "n", "sql": "SELECT 1", "extra": 1}, "validation_failed"),
        ({"name": "n", "sql": "é" * 40_000}, "sql_too_long"),
    ],
)
def test_what_is_refused(clean: House, body: dict[str, Any], word: str) -> None:
    """What is out of bounds is refused, in both ways to write it, and nothing is kept."""
    assert code(clean.http.post(PATH, json=body)) == (422, word)
    made = save(clean, "stays")
    assert code(clean.http.put(made.headers["Location"], json=body)) == (422, word)
    assert [one["name"] for one in clean.get(PATH)["items"]] == ["stays"]


def test_unknown_ids(api: House) -> None:
    """An id that no saved query has is not found, whatever is asked of it."""
    for path in (NONE, f"{PATH}/odd"):
        assert code(api.http.get(path)) == (404, "saved_query_not_found")
        assert code(api.http.put(path, json={"name": "n", "sql": "SELECT 1"})) == (404, "saved_query_not_found")
        assert code(api.http.delete(path)) == (404, "saved_query_not_found")
