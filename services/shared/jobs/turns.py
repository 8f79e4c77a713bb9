"""Turns: which of the queued queries and exports may start, so that slots are shared fairly and people never wait behind a publish.

There are two lanes with slots of their own: what people submit, and what happens behind their backs (the receipts of publishes,
exports). A job of a lane waits in the outbox without a due time until it is given a turn; then its message is sent. The next turn goes
to the workspace that has the fewest jobs under way, of several to the one that was served longest ago, and there to the oldest job.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from services.shared.records.tables import jobs, lane_turns, outbox
from services.shared.settings import Settings

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_KEEPER = ""


class Lane(StrEnum):
    """What competes for the same slots."""

    INTERACTIVE = "interactive"
    BACKGROUND = "background"


def lane_slots(settings: Settings) -> Mapping[Lane, int]:
    """Return how many jobs of each lane may be under way at once."""
    return {Lane.INTERACTIVE: settings.query_slots, Lane.BACKGROUND: max(1, settings.query_slots // 2)}


def turns_wanted(tx: Connection, *, now: datetime) -> bool:
    """Tell whether any job waits for a turn."""
    return tx.execute(select(outbox.c.job_id).select_from(_QUEUED).where(_waiting(now)).limit(1)).first() is not None


def give_turns(tx: Connection, settings: Settings, *, now: datetime) -> None:
    """Give every free slot to the job whose turn it is; one transaction at a time."""
    tx.execute(select(lane_turns.c.lane).where(lane_turns.c.workspace == _KEEPER).with_for_update())
    share = settings.query_slots_per_workspace
    for lane, slots in lane_slots(settings).items():
        busy = _under_way(tx, lane)
        heads = _heads(tx, lane, now=now)
        served = {row.workspace: row.served_at for row in tx.execute(select(lane_turns).where(lane_turns.c.lane == lane))}
        while heads and sum(busy.values()) < slots:
            open_to = [name for name in heads if lane is not Lane.INTERACTIVE or share is None or busy.get(name, 0) < share]
            if not open_to:
                break
            chosen = min(open_to, key=lambda name: (busy.get(name, 0), served.get(name, _NEVER), heads[name]))
            _give(tx, lane, chosen, now=now)
            busy[chosen] = busy.get(chosen, 0) + 1
            served[chosen] = now
            heads = _heads(tx, lane, now=now)


_QUEUED = outbox.join(jobs, jobs.c.id == outbox.c.job_id)


def _waiting(now: datetime) -> Any:
    return and_(outbox.c.due_at.is_(None), or_(jobs.c.not_before.is_(None), jobs.c.not_before <= now))


def _under_way(tx: Connection, lane: Lane) -> dict[str, int]:
    """Return how many jobs each workspace has that run, or were given a turn and will."""
    running = select(jobs.c.workspace).where(jobs.c.state == "running", jobs.c.lane == lane)
    called = select(jobs.c.workspace).select_from(_QUEUED).where(outbox.c.due_at.is_not(None), jobs.c.lane == lane, jobs.c.state == "queued")
    both = running.union_all(called).subquery()
    counted = select(both.c.workspace, func.count().label("jobs")).group_by(both.c.workspace)
    return {row.workspace: row.jobs for row in tx.execute(counted)}


def _heads(tx: Connection, lane: Lane, *, now: datetime) -> dict[str, datetime]:
    """Return since when the first waiting job of each workspace waits."""
    statement = select(jobs.c.workspace, func.min(jobs.c.queued_at).label("since")).select_from(_QUEUED).where(_waiting(now), jobs.c.lane == lane)
    return {row.workspace: row.since for row in tx.execute(statement.group_by(jobs.c.workspace))}


def _give(tx: Connection, lane: Lane, workspace: str, *, now: datetime) -> None:
    first = select(outbox.c.job_id).select_from(_QUEUED).where(_waiting(now), jobs.c.lane == lane, jobs.c.workspace == workspace)
    job_id = tx.execute(first.order_by(jobs.c.queued_at, jobs.c.id).limit(1)).scalar_one()
    tx.execute(update(outbox).where(outbox.c.job_id == job_id, outbox.c.due_at.is_(None)).values(due_at=now))
    mine = (lane_turns.c.lane == lane, lane_turns.c.workspace == workspace)
    if not tx.execute(update(lane_turns).where(*mine).values(served_at=now)).rowcount:
        tx.execute(insert(lane_turns).values(lane=lane, workspace=workspace, served_at=now))
