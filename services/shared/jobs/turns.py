"""Turns: which of the queued queries and exports may start, so that slots are shared fairly and people never wait behind a publish.

There are two lanes with slots of their own: what people submit, and what happens behind their backs (the receipts of publishes,
exports). A job of a lane waits in the outbox without a due time until it is given a turn; then its message is sent. The next turn goes
to the workspace that has the fewest jobs under way, of several to the one that was served longest ago, and there to the oldest job.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
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


def lanes_waiting(tx: Connection, *, now: datetime) -> frozenset[Lane]:
    """Return the lanes in which any job waits for a turn."""
    return frozenset(map(Lane, tx.execute(select(jobs.c.lane).select_from(_QUEUED).where(_waiting(now)).distinct()).scalars()))


def give_turns(tx: Connection, settings: Settings, *, now: datetime, lanes: Iterable[Lane] = Lane) -> None:
    """Give every free slot of these lanes to the job whose turn it is; one transaction at a time."""
    tx.execute(select(lane_turns.c.lane).where(lane_turns.c.workspace == _KEEPER).with_for_update())
    slots = lane_slots(settings)
    for lane in lanes:
        share = settings.query_slots_per_workspace if lane is Lane.INTERACTIVE else None
        busy = _under_way(tx, lane)
        free = slots[lane] - sum(busy.values())
        if free > 0:
            _share_out(tx, lane, free, busy, most=slots[lane] if share is None else share, now=now)


_QUEUED = outbox.join(jobs, jobs.c.id == outbox.c.job_id)


def _share_out(tx: Connection, lane: Lane, free: int, busy: dict[str, int], *, most: int, now: datetime) -> None:
    """Give `free` turns, none to a workspace that has `most` jobs under way."""
    lines = _lines(tx, lane, longest=free, now=now)
    served = {row.workspace: row.served_at for row in tx.execute(select(lane_turns).where(lane_turns.c.lane == lane))}
    for _ in range(free):
        open_to = [name for name, line in lines.items() if line and busy.get(name, 0) < most]
        if not open_to:
            break
        chosen = min(open_to, key=lambda name: (busy.get(name, 0), served.get(name, _NEVER), lines[name][0].queued_at))
        tx.execute(update(outbox).where(outbox.c.job_id == lines[chosen].popleft().id, outbox.c.due_at.is_(None)).values(due_at=now))
        busy[chosen] = busy.get(chosen, 0) + 1
        if chosen in served:
            tx.execute(update(lane_turns).where(lane_turns.c.lane == lane, lane_turns.c.workspace == chosen).values(served_at=now))
        else:
            tx.execute(insert(lane_turns).values(lane=lane, workspace=chosen, served_at=now))
        served[chosen] = now


def _waiting(now: datetime) -> Any:
    return and_(outbox.c.due_at.is_(None), or_(jobs.c.not_before.is_(None), jobs.c.not_before <= now))


def _under_way(tx: Connection, lane: Lane) -> dict[str, int]:
    """Return how many jobs each workspace has that run, or were given a turn and will."""
    running = select(jobs.c.workspace).where(jobs.c.state == "running", jobs.c.lane == lane)
    called = select(jobs.c.workspace).select_from(_QUEUED).where(outbox.c.due_at.is_not(None), jobs.c.lane == lane, jobs.c.state == "queued")
    both = running.union_all(called).subquery()
    counted = select(both.c.workspace, func.count().label("jobs")).group_by(both.c.workspace)
    return {row.workspace: row.jobs for row in tx.execute(counted)}


def _lines(tx: Connection, lane: Lane, *, longest: int, now: datetime) -> dict[str, deque[Any]]:
    """Return the first jobs of each workspace that wait, in their order."""
    place = func.row_number().over(partition_by=jobs.c.workspace, order_by=(jobs.c.queued_at, jobs.c.id)).label("place")
    waiting = select(jobs.c.workspace, jobs.c.id, jobs.c.queued_at, place).select_from(_QUEUED).where(_waiting(now), jobs.c.lane == lane).subquery()
    lines: dict[str, deque[Any]] = {}
    for row in tx.execute(select(waiting).where(waiting.c.place <= longest).order_by(waiting.c.place)):
        lines.setdefault(row.workspace, deque()).append(row)
    return lines
