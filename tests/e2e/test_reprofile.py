"""Reading a file in another way needs no second upload, and changes nothing that was found before."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stack import Stack

TEXT = 'city;code\n"Ulm, alt";NA\nBern;2\n"Bonn;3\n'
PIPES = "a,b|c\n1,2|x\n3,4|NA\n"
Seen = list[tuple[str, str, int, Any]]


def shown(profile: dict[str, Any]) -> Seen:
    """Return each column's name, type, nulls and greatest value."""
    return [(column["source_name"], column["type"], column["nulls"], column["max"]) for column in profile["columns"]]


@pytest.fixture(scope="module")
def first(stack: Stack) -> dict[str, Any]:
    """A file that can be read in several ways, as it is read without being told how."""
    upload = stack.upload_bytes(PIPES.encode(), "pipes.csv")
    assert stack.profile(upload["id"])["state"] == "succeeded"
    profile: dict[str, Any] = stack.http.get(f"/v1/uploads/{upload['id']}/profile").json()
    return profile


WAYS: dict[str, tuple[dict[str, Any], int, Seen]] = {
    "delimiter": ({"dialect": {"delimiter": "|"}}, 2, [("a,b", "string", 0, "3,4"), ("c", "string", 0, "x")]),
    "other delimiter": ({"dialect": {"delimiter": ","}}, 2, [("a", "bigint", 0, "3"), ("b|c", "string", 0, "4|NA")]),
    "no header": (
        {"header": False, "dialect": {"delimiter": ","}},
        3,
        [("column_1", "string", 0, "a"), ("column_2", "string", 0, "b|c")],
    ),
    "null values": ({"null_values": ["NA"], "dialect": {"delimiter": "|"}}, 2, [("a,b", "string", 0, "3,4"), ("c", "string", 1, "x")]),
    "skipped": (
        {"header": False, "dialect": {"delimiter": "|", "skip_records": 1}},
        2,
        [("column_1", "string", 0, "3,4"), ("column_2", "string", 0, "x")],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_another_way_to_read_it(stack: Stack, first: dict[str, Any], way: str) -> None:
    """The new profile is as told and the upload's newest; the old one still is what it was."""
    wanted, records, seen = WAYS[way]
    profile = again(stack, first["upload_id"], wanted)
    assert (profile["records"], profile["rejected_records"]) == (records, 0)
    assert shown(profile) == seen
    assert profile["sha256"] == first["sha256"]
    assert stack.http.get(f"/v1/uploads/{first['upload_id']}/profile").json() == profile
    assert stack.http.get(f"/v1/profiles/{first['id']}").json() == first


def test_without_quotes(stack: Stack) -> None:
    """A quote that is none is part of the text: nothing is joined, and the broken record is whole."""
    upload = stack.upload_bytes(TEXT.encode(), "quotes.csv")
    assert stack.profile(upload["id"])["state"] == "succeeded"
    quoted = stack.http.get(f"/v1/uploads/{upload['id']}/profile").json()
    assert (quoted["dialect"]["quotechar"], quoted["records"], quoted["rejected_records"]) == ('"', 2, 1)
    plain = again(stack, upload["id"], {"dialect": {"quotechar": None}})
    assert (plain["dialect"]["quotechar"], plain["records"], plain["rejected_records"]) == (None, 3, 0)
    assert stack.http.get(f"/v1/uploads/{upload['id']}/preview").json()["rows"] == [['"Ulm, alt"', "NA"], ["Bern", "2"], ['"Bonn', "3"]]
    assert shown(plain)[1] == ("code", "bigint", 1, "3")
    for name, profile_id, wanted in (("plain_cities", plain["id"], 3), ("quoted_cities", quoted["id"], 2)):
        assert stack.publish(upload["id"], name, profile_id=profile_id, max_reject_ratio=0.5)["state"] == "succeeded"
        assert stack.rows(f"SELECT count(*), sum(code) FROM {name}")[0][0] == str(wanted)


def again(stack: Stack, upload_id: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Profile an upload with other settings."""
    answer = stack.http.post(f"/v1/uploads/{upload_id}/profile", json=wanted)
    assert answer.status_code == 202, answer.text
    job = stack.wait(answer.headers["Location"])
    assert job["state"] == "succeeded", job
    profile: dict[str, Any] = stack.http.get(f"/v1/profiles/{job['result']['profile_id']}").json()
    return profile
