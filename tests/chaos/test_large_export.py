"""A large export in the middle of its work: cancelled it leaves nothing, killed it is made all the same."""

from __future__ import annotations

import io
from functools import partial
from zipfile import ZipFile

from tests.freezing import Job, at_work, caught
from tests.stack import Stack

ROWS = 600_000
MANY = f"UNNEST(sequence(1, 10000)) a (n), UNNEST(sequence(1, {ROWS // 10000})) b (m)"


def test_a_large_export_shows_its_progress_stops_and_survives_a_death(stack: Stack) -> None:
    """Cancelled it ends within two seconds and leaves nothing; killed with its process it is made all the same, once."""
    query = stack.query(f"SELECT n, n * 1.5 AS x, cast(n AS varchar) AS t FROM {MANY}")
    assert query["state"] == "succeeded", query
    path = f"/v1/queries/{query['id']}/download?format=xlsx"
    with caught(stack, "query", partial(export, stack, path), seen=in_the_middle) as first:
        assert stack.http.post(f"{first}/cancel").status_code == 202
    assert stack.wait(first, timeout_s=2.5)["state"] == "cancelled"
    folder = next((stack.home / "objects" / "ws").glob(f"*/results/{query['id']}/*"))
    assert sorted(file.name for file in folder.iterdir()) == ["result.csv", "result.index", "result.json"]
    with caught(stack, "query", partial(export, stack, path), seen=in_the_middle) as second:
        stack.kill("query")
    assert second != first
    job = stack.wait(second, timeout_s=60)
    assert (job["state"], job["attempt"]) == ("succeeded", 2), job
    with ZipFile(io.BytesIO(stack.http.get(path).content)) as archive:
        assert archive.testzip() is None
        assert archive.read("xl/worksheets/sheet1.xml").count(b"<row ") == ROWS + 1


def export(stack: Stack, path: str) -> str:
    """Ask for a file; return the address of the job that makes it."""
    return str(stack.http.get(path).headers["Location"])


def in_the_middle(job: Job) -> bool:
    """Whether an export has written a part of its file, and shows it."""
    return at_work(job) and 0 < (job["progress"]["percent"] or 0) < 100 and bool(job["progress"]["records_done"])
