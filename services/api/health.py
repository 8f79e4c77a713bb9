"""Readiness: each dependency asked just now, without a secret or a path in what it said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import redis
from sqlalchemy import literal, select
from sqlalchemy.exc import SQLAlchemyError

from services.api.deps import Services
from services.api.schemas.meta import Check, Readiness
from services.shared.errors import FieldError, NotReady, Problem
from services.shared.heartbeats import ALIVE_S, Pulse
from services.shared.jobs.model import QUEUES

_NEEDED = frozenset({"records", "storage"})


@dataclass(frozen=True)
class Look:
    """What each dependency answered, and what the workers say of themselves; None while the broker is away."""

    checks: tuple[Check, ...]
    pulse: Pulse | None


def check_readiness(services: Services) -> Readiness:
    """Ask every dependency; a broker or a worker that is away degrades, what is needed for every request raises NotReady."""
    checks = look_at(services).checks
    failed = [check for check in checks if check.status == "failed"]
    errors = [FieldError(f"#/checks/{check.name}", check.detail) for check in failed if check.name in _NEEDED]
    if errors:
        raise NotReady(f"{', '.join(check.name for check in failed)}: no answer.", errors=errors, headers={"Retry-After": "1"})
    return Readiness(status="degraded" if failed else "ready", checks=checks)


def look_at(services: Services) -> Look:
    """Ask every dependency once."""
    pulse: Pulse | None = None

    def ask_broker() -> None:
        nonlocal pulse
        pulse = services.heartbeats.read()

    asked = (_check("records", lambda: _ask_records(services)), _check("storage", services.storage.check), _check("broker", ask_broker))
    return Look((*asked, *_workers(pulse)), pulse)


def _workers(pulse: Pulse | None) -> Iterator[Check]:
    for queue in sorted(set(QUEUES.values())):
        age_s = None if pulse is None else pulse.age_s.get(queue)
        if age_s is not None and age_s < ALIVE_S:
            yield Check(name=f"worker_{queue}", status="ok", detail="beats")
        elif pulse is None:
            yield Check(name=f"worker_{queue}", status="failed", detail="can't be heard without the broker")
        else:
            yield Check(name=f"worker_{queue}", status="failed", detail="was not heard" if age_s is None else f"was heard {age_s:.0f} s ago")


def _check(name: str, ask: Callable[[], None]) -> Check:
    try:
        ask()
    except Problem as problem:
        return Check(name=name, status="failed", detail=problem.detail)
    except (SQLAlchemyError, redis.RedisError, OSError) as error:
        return Check(name=name, status="failed", detail=type(error).__name__)
    return Check(name=name, status="ok", detail="answers")


def _ask_records(services: Services) -> None:
    with services.database.read() as tx:
        tx.execute(select(literal(1))).one()
