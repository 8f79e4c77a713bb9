"""The product's records, read beside it, for what the api does not tell: attempts, checkpoints, the outbox."""

from __future__ import annotations

import sqlite3
from typing import Any

from tests.stack import Stack


def ask(stack: Stack, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Return the rows of a statement."""
    connection = sqlite3.connect(f"file:{stack.home / 'records.sqlite3'}?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def job(stack: Stack, path: str) -> dict[str, Any]:
    """Return what the records say about a job: its state, phase, attempt, failures and checkpoint."""
    columns = ("state", "phase", "attempt", "failures", "checkpoint", "started_at")
    row = ask(stack, f"SELECT {', '.join(columns)} FROM jobs WHERE id = ?", path.rsplit("/", 1)[1])[0]
    return dict(zip(columns, row, strict=True))
