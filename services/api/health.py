"""Readiness: each dependency asked just now, without a secret or a path in what it said."""

from __future__ import annotations

from collections.abc import Callable

import redis
from sqlalchemy import literal, select
from sqlalchemy.exc import SQLAlchemyError

from services.api.deps import Services
from services.api.schemas.meta import Check, Readiness
from services.shared.errors import FieldError, NotReady, Problem

_NEEDED = frozenset({"records", "storage"})


def check_readiness(services: Services) -> Readiness:
    """Ask every dependency; a broker that is away degrades, what is needed for every request raises NotReady."""
    checks = (
        _check("records", lambda: _ask_records(services)),
        _check("storage", services.storage.check),
        _check("broker", services.board.ping),
    )
    failed = [check for check in checks if check.status == "failed"]
    errors = [FieldError(f"#/checks/{check.name}", check.detail) for check in failed if check.name in _NEEDED]
    if errors:
        raise NotReady(f"{', '.join(check.name for check in failed)}: no answer.", errors=errors, headers={"Retry-After": "1"})
    return Readiness(status="degraded" if failed else "ready", checks=checks)


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
