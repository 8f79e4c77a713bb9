"""A file's way through the running product: sent, judged, published and asked for."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.e2e.problems import check_document
from tests.stack import Stack

PROBLEMS = Path(__file__).resolve().parents[2] / "docs" / "problems.md"
WORDS = {(int(status), word) for word, status in re.findall(r"^## (\w+)\n\n\*\*(\d+)\*\*", PROBLEMS.read_text("utf-8"), re.MULTILINE)}
_ALL = {"limit": 500}


@dataclass(frozen=True)
class Verdict:
    """What the product says of one file: a profile with its rejects, or a problem."""

    upload: dict[str, Any]
    job: dict[str, Any]
    profile: dict[str, Any] | None
    rejects: list[dict[str, Any]]

    @property
    def took_s(self) -> float:
        """Return how long the job ran."""
        begin, end = (datetime.fromisoformat(self.job[name]) for name in ("started_at", "finished_at"))
        return (end - begin).total_seconds()

    def records(self) -> int:
        """Return how many records of all kinds the profile counts."""
        assert self.profile is not None
        kinds = ("records", "header_records", "preamble_records", "comment_records", "blank_records", "rejected_records")
        return sum(int(self.profile[kind]) for kind in kinds)


def send(stack: Stack, data: bytes, filename: str) -> tuple[str, float]:
    """Upload a file under any name; return its id and how long the answer took."""
    begin = time.monotonic()
    upload = stack.upload_bytes(data, filename)
    assert upload["size"] == len(data)
    assert upload["filename"].strip()
    assert "/" not in upload["filename"]
    return str(upload["id"]), time.monotonic() - begin


def verdict(stack: Stack, upload_id: str, *, timeout_s: float) -> Verdict:
    """Wait for the profile job; it succeeds with a profile, or fails with a problem that is documented."""
    job = stack.profile(upload_id, timeout_s=timeout_s)
    upload = stack.http.get(f"/v1/uploads/{upload_id}").json()
    if job["state"] == "failed":
        assert (job["error"]["status"], job["error"]["code"]) in WORDS, job["error"]
        check_document(job["error"], job["error"]["status"], job["error"]["code"])
        assert job["error"]["status"] < 500, job["error"]
        return Verdict(upload, job, None, [])
    assert job["state"] == "succeeded", job
    answer = stack.http.get(f"/v1/uploads/{upload_id}/profile", params={"columns": "0:3000"})
    assert answer.status_code == 200, answer.text
    return Verdict(upload, job, answer.json(), list(items(stack, f"/v1/uploads/{upload_id}/rejects")))


def items(stack: Stack, path: str) -> Iterator[dict[str, Any]]:
    """Yield what a list holds, page after page."""
    query: Mapping[str, Any] = _ALL
    while True:
        answer = stack.http.get(path, params=dict(query))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        query = {**_ALL, "cursor": page["next_cursor"]}


def table(stack: Stack, sql: str, *, timeout_s: float = 60) -> list[list[Any]]:
    """Run a statement and return all rows of its result."""
    query = stack.query(sql, timeout_s=timeout_s)
    assert query["state"] == "succeeded", query
    rows: list[list[Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = stack.http.get(f"/v1/queries/{query['id']}/results", params={"limit": 1000, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        rows += answer.json()["rows"]
        cursor = answer.json()["next_cursor"]
    return rows
