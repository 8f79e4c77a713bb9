"""The records: are they there, whole, of this version's schema, and does anything in them stand still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from headwater.doctor.finding import Finding, note, ok, wrong
from headwater.doctor.work_areas import look_at_work
from headwater.instance import find_holder
from services.shared.clock import utc_now
from services.shared.jobs.model import TERMINAL, State
from services.shared.records.database import Database
from services.shared.records.migrate import find_revision, known_revisions
from services.shared.records.tables import jobs, outbox
from services.shared.settings import Settings

_AHEAD = timedelta(seconds=60)
_LEASES = 3


def check_records(settings: Settings) -> Iterator[Finding]:
    """Look at the records' database, and into it."""
    place = settings.home.resolve() / "records.sqlite3"
    if settings.database_url is None and not place.exists():
        yield note("records", "There are no records yet.", "`make up` makes them.")
        return
    try:
        database = Database(settings.database_location())
        try:
            yield from _look(database, settings)
        finally:
            database.close()
    except (SQLAlchemyError, ImportError, OSError) as error:
        cause = str(getattr(error, "orig", None) or error)[:200]
        yield wrong("records", f"The records can't be read: {cause}.", "If the disk is well, restore the last backup: docs/operations.md.")


def _look(database: Database, settings: Settings) -> Iterator[Finding]:
    found, known = find_revision(database), known_revisions()
    if settings.database_url is None:
        with database.read() as tx:
            said = [row[0] for row in tx.execute(text("PRAGMA quick_check(3)"))]
        if said != ["ok"]:
            yield wrong("records", f"The records are damaged: {'; '.join(said)[:300]}.", "Stop Headwater and restore the last backup.")
            return
    if found is None:
        yield wrong("records", "The records have no schema.", "Run `make up`: it migrates them.")
    elif found not in known:
        yield wrong(
            "records",
            f"The records are of schema {found}, which this version does not know.",
            "Use the version of Headwater that made them, or a newer one.",
        )
    elif found != known[-1]:
        yield note("records", f"The records are of schema {found}; this version's is {known[-1]}.", "Restart `make up`: it migrates them.")
    else:
        yield ok("records", f"The records are whole and of schema {found}.")
        yield from _look_at_jobs(database, settings)
        yield from look_at_work(database, settings)


def _look_at_jobs(database: Database, settings: Settings) -> Iterator[Finding]:
    now, silent_s = utc_now(), _LEASES * settings.lease_s + settings.reconcile_s
    with database.read() as tx:
        lost = tx.execute(
            select(func.count()).select_from(jobs).where(jobs.c.state == State.RUNNING, jobs.c.lease_until < now - timedelta(seconds=silent_s))
        ).scalar_one()
        open_jobs = tx.execute(select(func.count()).select_from(jobs).where(jobs.c.state.in_([s for s in State if s not in TERMINAL]))).scalar_one()
        unsent = tx.execute(
            select(func.count()).select_from(outbox).where(outbox.c.sends == 0, outbox.c.due_at < now - timedelta(seconds=60))
        ).scalar_one()
        newest = tx.execute(select(func.max(jobs.c.heartbeat_at))).scalar_one()
    if newest is not None and newest > now + _AHEAD:
        yield wrong("clock", f"The records are ahead of the clock: a job was at work at {newest:%Y-%m-%d %H:%M} UTC.", "Set the clock.")
    if find_holder(settings.home.resolve()) is None:
        if open_jobs:
            yield note("jobs", f"{open_jobs} jobs have not ended.", "They go on when Headwater runs.")
    elif lost or unsent:
        yield wrong(
            "jobs",
            f"{lost} running jobs have no living worker, {unsent} jobs wait for their message.",
            "Look at logs/housekeeping.log and logs/beat.log: the reconciler does not do its work.",
        )
    else:
        yield ok("jobs", f"{open_jobs} jobs have not ended, and none is forgotten.")
