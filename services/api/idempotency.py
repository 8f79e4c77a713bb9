"""Idempotency keys: the same key with the same request gets the same answer, and the work is done once.

A request that is one SQL transaction commits its key, its effect and its answer together (`once`). An upload, which lasts,
takes the key first and stores its answer later (`begin`, `finish`, `abandon`); of a request that died the key gives what it has left,
or is given back.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Header, Request, Response
from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.api.answers import Answer
from services.api.deps import Services
from services.shared.clock import utc_now
from services.shared.errors import IdempotencyConflict, IdempotencyInProgress
from services.shared.principal import Principal
from services.shared.records.database import Database
from services.shared.records.tables import idempotency_keys

_TRIES = 3
Table = idempotency_keys.c
KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same key with the same request within 24 h gets the same answer, and is done once.",
    ),
]


@dataclass(frozen=True)
class Key:
    """A client's key and the request it stands for."""

    workspace: str
    value: str
    fingerprint: str


@dataclass(frozen=True)
class Earlier:
    """What became of an earlier request with the key: it may be alive, or have died and left what `answer` says."""

    alive: bool = False
    answer: Answer | None = None


def key_of(request: Request, principal: Principal, value: str | None, *, content: Any = None) -> Key | None:
    """Return the request's key, or None; `content` is what beside method, path and query makes it the same request."""
    if value is None:
        return None
    parts = [request.method, request.url.path, request.url.query, content]
    return Key(principal.workspace, value, sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest())


def once(services: Services, key: Key | None, prepare: Callable[[], Callable[[Connection], Answer]]) -> Response:
    """Do the work of a request in one transaction, or give the answer it had.

    `prepare` checks what needs no transaction, and returns the work; neither is called when the answer is there. What raises
    changes nothing and is not remembered.
    """
    if key is None:
        work = prepare()
        with services.database.write() as tx:
            return work(tx).response()
    found = find_answer(services, key)
    if found is not None:
        return found.response(replayed=True)
    work = prepare()
    for _ in range(_TRIES):
        try:
            with services.database.write() as tx:
                _take(tx, services, key)
                answer = work(tx)
                _store(tx, key, answer)
            return answer.response()
        except _Taken:
            found = find_answer(services, key)
            if found is not None:
                return found.response(replayed=True)
    raise IdempotencyInProgress(f"Another request with the key {key.value!r} is still running.", headers={"Retry-After": "1"})


def find_answer(services: Services, key: Key) -> Answer | None:
    """Return the answer that is stored under the key; raise IdempotencyConflict if it was another request's."""
    with services.database.read() as tx:
        row = _row(tx, services, key)
    return None if row is None or row["answer"] is None else _answer(row["answer"])


def begin(services: Services, key: Key, *, resource_id: str, look: Callable[[Connection, str], Earlier]) -> Answer | None:
    """Take the key for a request that lasts, or return the answer it had, or has left.

    Raise IdempotencyInProgress while `look` says that the earlier request's resource is still being made.
    """
    try:
        with services.database.write() as tx:
            row = _row(tx, services, key)
            if row is not None and row["answer"] is not None:
                return _answer(row["answer"])
            earlier = look(tx, row["resource_id"]) if row is not None else Earlier()
            if earlier.alive:
                raise IdempotencyInProgress(f"The request with the key {key.value!r} still sends its bytes.", headers={"Retry-After": "1"})
            if earlier.answer is not None:
                _store(tx, key, earlier.answer)
                return earlier.answer
            tx.execute(delete(idempotency_keys).where(*_same(key)))
            tx.execute(insert(idempotency_keys).values(**_values(key), resource_id=resource_id))
    except IntegrityError as error:
        raise IdempotencyInProgress(f"Another request with the key {key.value!r} has just begun.", headers={"Retry-After": "1"}) from error
    return None


def finish(tx: Connection, key: Key, answer: Answer) -> None:
    """Store the answer in the transaction that makes it true."""
    _store(tx, key, answer)


def abandon(database: Database, key: Key) -> None:
    """Give the key back: the request failed and may be sent again."""
    with database.write() as tx:
        tx.execute(delete(idempotency_keys).where(*_same(key), Table.answer.is_(None)))


class _Taken(Exception):
    """Another request has the key."""


def _take(tx: Connection, services: Services, key: Key) -> None:
    if _row(tx, services, key) is not None:
        raise _Taken
    tx.execute(delete(idempotency_keys).where(*_same(key)))
    try:
        tx.execute(insert(idempotency_keys).values(**_values(key)))
    except IntegrityError as error:
        raise _Taken from error


def _row(tx: Connection, services: Services, key: Key) -> RowMapping | None:
    oldest = utc_now() - timedelta(seconds=services.settings.idempotency_s)
    row = tx.execute(select(idempotency_keys).where(*_same(key), Table.created_at >= oldest)).mappings().first()
    if row is not None and row["fingerprint"] != key.fingerprint:
        raise IdempotencyConflict(f"The Idempotency-Key {key.value!r} was used for another request.")
    return row


def _same(key: Key) -> tuple[Any, Any]:
    return Table.workspace == key.workspace, Table.key == key.value


def _values(key: Key) -> dict[str, Any]:
    return {"workspace": key.workspace, "key": key.value, "fingerprint": key.fingerprint, "created_at": utc_now()}


def _store(tx: Connection, key: Key, answer: Answer) -> None:
    stored = {"status": answer.status, "headers": answer.headers, "body": base64.b64encode(answer.body).decode("ascii")}
    tx.execute(update(idempotency_keys).where(*_same(key)).values(answer=stored))


def _answer(stored: dict[str, Any]) -> Answer:
    return Answer(stored["status"], base64.b64decode(stored["body"]), stored["headers"])
