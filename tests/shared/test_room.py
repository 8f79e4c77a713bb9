"""A full disk is told from a defect wherever it is met: by the system, by Arrow, by DuckDB or by SQLite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from services.query.engines.problems import problem_of
from services.shared.broker import make_app
from services.shared.errors import InsufficientStorage
from services.shared.jobs.model import Kind, NewJob
from services.shared.jobs.run import Run, Runner
from services.shared.jobs.store import JobStore
from services.shared.outbox import Outbox
from services.shared.principal import LOCAL
from services.shared.progress import ProgressBoard
from services.shared.records.database import Database
from services.shared.records.migrate import migrate
from services.shared.settings import Settings
from services.shared.storage.room import is_disk_full

FULL = Path("/dev/full")


def by_the_system() -> None:
    """Write to a device that has no room."""
    with FULL.open("wb", buffering=0) as file:
        file.write(b"x")


def by_arrow() -> None:
    """Write through Arrow's own file."""
    with pa.OSFile(str(FULL), "wb") as file:
        file.write(b"x" * 100_000)


def while_it_is_handled() -> None:
    """Fail again while the first failure is handled."""
    try:
        by_the_system()
    except OSError as error:
        raise RuntimeError("the file could not be closed") from error


@pytest.mark.parametrize("write", [by_the_system, by_arrow, while_it_is_handled])
def test_a_full_disk_is_known(write: Callable[[], None]) -> None:
    """Whoever says it, and however deep."""
    with pytest.raises((OSError, RuntimeError)) as caught:
        write()
    assert is_disk_full(caught.value)


def test_full_records_are_known(tmp_path: Path) -> None:
    """SQLite's own word for it, from a database that may not grow."""
    database = Database(f"sqlite:///{tmp_path}/records.sqlite3")
    with database.write() as tx:
        tx.execute(text("CREATE TABLE grown(piece BLOB)"))
        tx.execute(text("PRAGMA max_page_count = 8"))
        with pytest.raises(OperationalError, match="full") as caught:
            tx.execute(text("INSERT INTO grown VALUES (zeroblob(1000000))"))
    assert is_disk_full(caught.value)
    database.close()


def test_other_failures_are_not(tmp_path: Path) -> None:
    """A missing file is no full disk."""
    with pytest.raises(FileNotFoundError) as caught:
        (tmp_path / "missing" / "file").write_bytes(b"x")
    assert not is_disk_full(caught.value)


def test_the_engine_says_it_in_words() -> None:
    """DuckDB's error names the way out, too."""
    with pytest.raises(duckdb.Error) as caught:
        duckdb.sql(f"COPY (SELECT range AS n FROM range(1000000)) TO '{FULL}' (FORMAT csv)")
    assert isinstance(problem_of(caught.value), InsufficientStorage)


def test_a_job_that_meets_a_full_disk_is_tried_again_and_then_says_so(tmp_path: Path, redis_url: str) -> None:
    """Not `internal_error`: the user can free room, and try again."""
    settings = Settings(home=tmp_path, redis_url=redis_url)
    database = Database(settings.database_location())
    migrate(database)
    store = JobStore(database, settings)
    runner = Runner(store, Outbox(database, make_app("test", settings, patient=False), settings), ProgressBoard(settings), settings)
    with database.write() as tx:
        job = store.submit(tx, NewJob(Kind.PROFILE, "upload", "upl_1", {}), principal=LOCAL)

    def step(_: Run) -> None:
        by_the_system()

    for _ in range(settings.max_attempts):
        assert store.get(job.id).state == "queued"
        with database.write() as tx:
            tx.execute(text("UPDATE jobs SET not_before = NULL"))
        runner.execute(job.id, step)
    ended = store.get(job.id)
    assert (ended.state, (ended.error or {})["code"], (ended.error or {})["status"]) == ("failed", "insufficient_storage", 507)
    assert "Free some room" in (ended.error or {})["detail"]
    database.close()
