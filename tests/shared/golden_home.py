"""Golden homes: what a Headwater of an older revision had on its disk when it was killed in the middle of its work.

`python -m tests.shared.golden_home` makes the one of today's revision below `tests/shared/golden`; do that before a release.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import tarfile
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import inspect

from services.shared.clock import utc_now
from services.shared.records.database import Database
from services.shared.records.tables import UtcTime, metadata
from tests.stack import FAST, Stack, running, until

FOLDER = Path(__file__).with_name("golden")
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
HALF = b"k,v\n" + b"2,half a file\n" * 40_000
LARGE = b"k,v\n" + b"1,the same row again and again and again\n" * 300_000


def small(count: int) -> bytes:
    """Return a CSV of so many rows."""
    return b"k,v\n" + b"".join(b"%d,text %d\n" % (n, n) for n in range(count))


@dataclass(frozen=True)
class Golden:
    """A golden home: `facts` says what its makers know about it."""

    folder: Path
    facts: dict[str, Any]

    def unpack(self, home: Path) -> None:
        """Put the home in place as if it had been left a moment ago: nothing in it has expired meanwhile."""
        home.mkdir(parents=True)
        with tarfile.open(self.folder / "objects.tar.xz") as packed:
            packed.extractall(home, filter="data")
        connection = sqlite3.connect(home / "records.sqlite3")
        connection.executescript((self.folder / "records.sql").read_text())
        connection.close()
        shift = utc_now() - datetime.fromisoformat(self.facts["made_at"])
        database = Database(f"sqlite:///{home / 'records.sqlite3'}")
        with database.write() as tx:
            there = {table: {column["name"] for column in inspect(tx).get_columns(table)} for table in inspect(tx).get_table_names()}
            for table in metadata.sorted_tables:
                for column in table.columns:
                    if isinstance(column.type, UtcTime) and column.name in there.get(table.name, ()):
                        moved = f'"{column.name}" + {int(shift.total_seconds()) * 1_000_000}'
                        tx.exec_driver_sql(f'UPDATE {table.name} SET "{column.name}" = {moved} WHERE "{column.name}" IS NOT NULL')
        database.close()


def homes() -> list[Golden]:
    """Return all of them, the oldest first."""
    return [Golden(path.parent, json.loads(path.read_text())) for path in sorted(FOLDER.glob("*/facts.json"))]


def make(home: Path) -> dict[str, Any]:
    """Fill a home, leave a job of each kind in the middle, and kill everything; return the facts."""
    facts: dict[str, Any] = {}
    with running(home, **FAST) as stack:
        _finished_work(stack, facts)
        _unfinished_work(stack, facts)
        facts["made_at"] = utc_now().isoformat()
        stack.http.close()
        stack.process.kill()
        stack.process.wait()
    return facts


def _finished_work(stack: Stack, facts: dict[str, Any]) -> None:
    first, second = stack.upload_bytes(small(100), "orders.csv"), stack.upload_bytes(small(150), "orders-2.csv")
    for upload in (first, second):
        assert stack.profile(upload["id"])["state"] == "succeeded"
    assert stack.publish(first["id"], "orders")["state"] == "succeeded"
    assert stack.publish(second["id"], "orders", mode="replace")["state"] == "succeeded"
    facts["uploads"] = [first["id"], second["id"]]
    facts["query"] = stack.query("SELECT k, v FROM orders ORDER BY k LIMIT 3")["id"]
    failed = stack.profile(stack.upload_bytes(b"\x89PNG\r\n\x1a\n")["id"])
    facts["failed"] = failed["id"]


def _unfinished_work(stack: Stack, facts: dict[str, Any]) -> None:
    """A profile that waits for bytes, a publish at work, a publish, a query and a profile that nobody has begun."""
    address = stack.http.post("/v1/uploads", headers={**TUS, "Upload-Length": str(len(HALF))}).headers["Location"]
    facts["half"] = {"address": address, "offset": 300_000, "size": len(HALF)}
    assert stack.http.patch(address, content=HALF[:300_000], headers={**TUS, "Upload-Offset": "0"}).status_code == 204
    waiting = until(lambda: (stack.find(address) or {}).get("profile_job_id"), timeout_s=20, what="a profile job")
    until(lambda: (stack.find(f"/v1/jobs/{waiting}") or {}).get("phase") == "waiting_for_bytes", timeout_s=30, what="it waits")
    large = stack.upload_bytes(LARGE, "large.csv")
    assert stack.profile(large["id"], timeout_s=120)["state"] == "succeeded"
    working = stack.http.post("/v1/datasets", json={"upload_id": large["id"], "name": "large"}).headers["Location"]
    until(lambda: (stack.find(working) or {}).get("phase") == "converting", timeout_s=30, what="a publish at work")
    for service in ("worker-publish", "worker-profile", "query", "housekeeping", "beat"):
        stack.kill(service, signal.SIGSTOP)
    queued = stack.http.post("/v1/datasets", json={"upload_id": facts["uploads"][0], "name": "later"}).headers["Location"]
    query = stack.http.post("/v1/queries", json={"sql": "SELECT count(*) AS n FROM orders"}).headers["Location"]
    profile = f"/v1/jobs/{stack.upload_bytes(small(20))['profile_job_id']}"
    facts["unfinished"] = {"working": working, "queued": queued, "query": query, "profile": profile}


def main() -> None:
    """Make the golden home of this revision."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        facts = make(home)
        connection = sqlite3.connect(home / "records.sqlite3")
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        target = FOLDER / str(revision)
        target.mkdir(parents=True, exist_ok=True)
        (target / "records.sql").write_text("\n".join(connection.iterdump()) + "\n")
        connection.close()
        with tarfile.open(target / "objects.tar.xz", "w:xz") as packed:
            packed.add(home / "objects", arcname="objects")
        (target / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(target, os.listdir(target))


if __name__ == "__main__":
    main()
