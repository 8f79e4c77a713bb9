"""What the reconciler does with uploads that nobody ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Connection, Integer, String, Table, insert

from services.shared.broker import make_app
from services.shared.clock import utc_now
from services.shared.errors import UploadGone, UploadInUse
from services.shared.ids import new_id
from services.shared.jobs.model import Kind, NewJob, State
from services.shared.jobs.store import JobStore
from services.shared.outbox import Outbox
from services.shared.principal import LOCAL
from services.shared.records import uploads
from services.shared.records.database import Database
from services.shared.records.migrate import migrate
from services.shared.records.tables import UtcTime, dataset_versions, datasets
from services.shared.records.uploads import NewUpload, Upload, UploadState
from services.shared.settings import Settings
from services.shared.storage.folder_parts import FolderParts
from services.shared.storage.port import Part
from services.shared.uploads_sweep import check_unused, expire_uploads, fail_dead_one_shots, free_unnamed

LATER = timedelta(days=8)


@dataclass
class Place:
    """Records and a folder of parts."""

    settings: Settings
    database: Database
    parts: FolderParts
    jobs: JobStore
    outbox: Outbox

    def upload(self, *, size: int | None = 10, stored: bytes = b"", one_shot: bool = False, concat: str | None = None) -> Upload:
        """Record an upload and store its first bytes."""
        now = utc_now()
        new = NewUpload(new_id("upl"), "a.csv", now + timedelta(days=7), size=size, one_shot=one_shot, concat=concat)
        with self.database.write() as tx:
            upload = uploads.create(tx, new, principal=LOCAL, now=now)
        if not stored:
            return upload
        part = asyncio.run(self._store(upload.id, stored))
        with self.database.write() as tx:
            return uploads.record_parts(tx, upload.id, [part], now=now)

    async def _store(self, upload_id: str, data: bytes) -> Part:
        async with self.parts.open_writer(upload_id, 0, wait_s=1) as writer:
            await writer.write([data])
            part = writer.cut()
            await writer.sync()
            return part

    def load(self, upload: Upload) -> Upload:
        """Return the upload as it is now."""
        with self.database.read() as tx:
            return uploads.load(tx, upload.id)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty place; its broker does not answer."""
    settings = Settings(home=tmp_path, redis_url="redis://127.0.0.1:1/0")
    database = Database(settings.database_location())
    migrate(database)
    outbox = Outbox(database, make_app("test", settings, socket_timeout_s=0.5, patient=False), settings)
    yield Place(settings, database, FolderParts(tmp_path / "raw"), JobStore(database, settings), outbox)
    outbox.close()
    database.close()


def test_incomplete_upload_expires(place: Place) -> None:
    """After its time its bytes are freed, its jobs end, and its record says so; before, nothing happens."""
    upload = place.upload(stored=b"12345")
    with place.database.write() as tx:
        job = place.jobs.submit(tx, NewJob(Kind.PROFILE, "upload", upload.id, {}), principal=LOCAL)
    assert expire_uploads(place.database, place.parts, place.jobs, now=utc_now()) == []
    assert expire_uploads(place.database, place.parts, place.jobs, now=utc_now() + LATER) == [upload.id]
    assert place.load(upload).state is UploadState.EXPIRED
    assert list(place.parts.list_ids()) == []
    assert place.jobs.get(job.id).state is State.CANCELLED
    with place.database.read() as tx, pytest.raises(UploadGone):
        uploads.load_readable(tx, upload.id)
    assert expire_uploads(place.database, place.parts, place.jobs, now=utc_now() + LATER) == []


def test_upload_in_use_stays(place: Place) -> None:
    """What a version that is kept was made from does not expire."""
    upload = place.upload(size=3, stored=b"abc")
    with place.database.write() as tx:
        _version_of(tx, upload.id)
    assert expire_uploads(place.database, place.parts, place.jobs, now=utc_now() + LATER) == []
    assert list(place.parts.list_ids()) == [upload.id]
    with place.database.read() as tx, pytest.raises(UploadInUse, match="Version 1 of the dataset orders"):
        check_unused(tx, upload.id)


def test_bytes_that_a_final_upload_needs_stay(place: Place) -> None:
    """An expired partial upload lets go of its record only; the final one's end frees the bytes."""
    partial = place.upload(size=3, stored=b"abc", concat="partial")
    final = place.upload(size=3, concat="final;x")
    with place.database.write() as tx:
        uploads.record_parts(tx, final.id, uploads.list_parts(tx, partial.id), now=utc_now())
        uploads.set_expiry(tx, final.id, utc_now() + 10 * LATER)
    assert expire_uploads(place.database, place.parts, place.jobs, now=utc_now() + LATER) == [partial.id]
    assert free_unnamed(place.database, place.parts) == []
    assert expire_uploads(place.database, place.parts, place.jobs, now=utc_now() + 11 * LATER) == [final.id]
    assert list(place.parts.list_ids()) == []


def test_dead_one_shot_is_failed(place: Place) -> None:
    """A one-shot that has been silent for longer than any living request is failed and wakes who waits; others are left alone."""
    dead, resumable = place.upload(one_shot=True, stored=b"abc"), place.upload(stored=b"abc")
    with place.database.write() as tx:
        new = NewJob(Kind.PROFILE, "upload", dead.id, {}, waits_on=dead.id, waits_for_bytes=10**9)
        waiting = place.jobs.submit(tx, new, principal=LOCAL)
    sweep = (place.database, place.outbox, place.jobs, place.settings)
    assert fail_dead_one_shots(*sweep, now=utc_now()) == []
    assert fail_dead_one_shots(*sweep, now=utc_now() + timedelta(minutes=10)) == [dead.id]
    assert (place.load(dead).error or {})["code"] == "upload_incomplete"
    assert place.load(resumable).state is UploadState.RECEIVING
    assert place.jobs.get(waiting.id).waits_on is None


def test_bytes_without_a_record_are_freed(place: Place) -> None:
    """A file whose record is gone, or never was, is freed; named ones stay."""
    kept, removed = place.upload(stored=b"abc"), place.upload(stored=b"abc")
    with place.database.write() as tx:
        uploads.remove(tx, removed.id)
    assert free_unnamed(place.database, place.parts) == [removed.id]
    assert list(place.parts.list_ids()) == [kept.id]


def _version_of(tx: Connection, upload_id: str) -> None:
    dataset_id = new_id("dst")
    tx.execute(insert(datasets).values(**_filled(datasets, id=dataset_id, name="orders")))
    tx.execute(insert(dataset_versions).values(**_filled(dataset_versions, dataset_id=dataset_id, version=1, upload_id=upload_id)))


def _filled(table: Table, **given: Any) -> dict[str, Any]:
    """Return values for every column that must have one."""
    empty = {Integer: 0, String: "", JSON: {}, UtcTime: utc_now()}
    needed = [column for column in table.columns if not column.nullable]
    return {column.name: next(value for kind, value in empty.items() if isinstance(column.type, kind)) for column in needed} | given
