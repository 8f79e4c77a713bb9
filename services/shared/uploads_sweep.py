"""The end of uploads that nobody ends: expired ones, one-shots whose process died, bytes that no record names."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Connection, and_, select

from services.shared.errors import UploadIncomplete, UploadInUse
from services.shared.jobs.model import Kind, State
from services.shared.jobs.store import JobStore
from services.shared.outbox import Outbox
from services.shared.records import uploads
from services.shared.records.database import Database
from services.shared.records.tables import dataset_versions, datasets, jobs
from services.shared.records.tables import uploads as table
from services.shared.records.uploads import UploadState
from services.shared.settings import Settings
from services.shared.storage.port import RawParts

_AT_ONCE = 100
_ALL_BYTES = 2**62
_ACTIVE = (State.QUEUED, State.RUNNING)
_PATIENCE_S = 60
_LOOK_AGAIN = timedelta(days=1)


def check_unused(tx: Connection, upload_id: str) -> None:
    """Raise UploadInUse if a version that is kept, or a publish under way, refers to the upload."""
    versions = select(datasets.c.name, dataset_versions.c.version).join_from(dataset_versions, datasets)
    version = tx.execute(versions.where(dataset_versions.c.upload_id == upload_id, dataset_versions.c.freed_at.is_(None)).limit(1)).first()
    if version is not None:
        raise UploadInUse(
            f"Version {version.version} of the dataset {version.name} was made from the upload {upload_id}; ?force=true deletes it all the same."
        )
    publishes = select(jobs.c.id, jobs.c.params).where(jobs.c.kind == Kind.PUBLISH, jobs.c.state.in_(_ACTIVE))
    for job in tx.execute(publishes):
        if job.params.get("upload_id") == upload_id:
            raise UploadInUse(f"The job {job.id} is publishing the upload {upload_id}.")


def expire_uploads(database: Database, parts: RawParts, store: JobStore, *, now: datetime) -> list[str]:
    """Free what has outlived its time, unless it is in use; return the ids of the expired uploads."""
    over = and_(table.c.expires_at < now, table.c.freed_at.is_(None))
    with database.read() as tx:
        due = tx.execute(select(table.c.id).where(over).order_by(table.c.expires_at).limit(_AT_ONCE)).scalars().all()
    return [upload_id for upload_id in due if _expire(database, parts, store, upload_id, now)]


def fail_dead_one_shots(database: Database, outbox: Outbox, store: JobStore, settings: Settings, *, now: datetime) -> list[str]:
    """Fail the one-shot uploads whose request has died with its process; return their ids."""
    dead = and_(table.c.state == UploadState.RECEIVING, table.c.one_shot, table.c.touched_at < silent_since(settings, now=now))
    with database.read() as tx:
        due = tx.execute(select(table.c.id).where(dead).limit(_AT_ONCE)).scalars().all()
    failed = []
    for upload_id in due:
        with database.write() as tx:
            if tx.execute(select(table.c.id).where(table.c.id == upload_id, dead)).first() is None:
                continue
            uploads.fail(tx, upload_id, UploadIncomplete("The server died while the file was arriving."))
            woken = store.wake(tx, upload_id, offset=_ALL_BYTES)
        outbox.send_soon(*woken)
        failed.append(upload_id)
    return failed


def silent_since(settings: Settings, *, now: datetime) -> datetime:
    """Return since when an upload is untouched if no request sends to it: a living one records a part or ends within the idle time."""
    return now - timedelta(seconds=settings.upload_idle_s + settings.upload_lock_s + settings.part_seconds + _PATIENCE_S)


def free_unnamed(database: Database, parts: RawParts) -> list[str]:
    """Free stored bytes that no record names; return their ids.

    A record is made before its first byte is stored, and nothing names an id again once its record is gone.
    """
    freed: list[str] = []
    stored = parts.list_ids()
    while source_ids := set(islice(stored, _AT_ONCE)):
        with database.read() as tx:
            unnamed = source_ids - uploads.find_needed(tx, source_ids)
        for source_id in sorted(unnamed):
            parts.free(source_id)
        freed += sorted(unnamed)
    return freed


def _expire(database: Database, parts: RawParts, store: JobStore, upload_id: str, now: datetime) -> bool:
    with database.write() as tx:
        still_due = and_(table.c.id == upload_id, table.c.expires_at < now, table.c.freed_at.is_(None))
        if tx.execute(select(table.c.id).where(still_due)).first() is None:
            return False
        try:
            check_unused(tx, upload_id)
        except UploadInUse:
            uploads.set_expiry(tx, upload_id, now + _LOOK_AGAIN)
            return False
        active = jobs.c.state.in_(_ACTIVE)
        for job_id in tx.execute(select(jobs.c.id).where(jobs.c.resource_id == upload_id, active)).scalars().all():
            store.cancel(tx, job_id)
        freed = uploads.expire(tx, upload_id, now=now)
    for source_id in freed:
        parts.free(source_id)
    return True
