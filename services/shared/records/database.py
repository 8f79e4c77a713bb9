"""The records' database: short read and write transactions, alike on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

from services.shared.records.turnstile import Turnstile

BUSY_TIMEOUT_MS = 30_000
_KIBIBYTES_OF_CACHE = 8_192


class Database:
    """Transactions on the records; none is held across other I/O, a fork or an await."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._sqlite = make_url(url).get_backend_name() == "sqlite"
        self._engine = _sqlite_engine(url) if self._sqlite else create_engine(url, pool_pre_ping=True, pool_recycle=900, hide_parameters=True)
        file = make_url(url).database if self._sqlite else None
        self._turnstile = Turnstile(timeout_s=BUSY_TIMEOUT_MS / 1000, file=Path(f"{file}-next") if file else None)
        self._watch: sqlite3.Connection | None = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads; it sees one state of the records."""
        with self._engine.connect() as connection:
            if self._sqlite:
                connection.exec_driver_sql("BEGIN")
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """Open a transaction that writes and commits at the end; SQLite takes its one write lock at once.

        A deferred SQLite transaction that reads and then writes fails with "database is locked" whatever the timeout,
        so every writing one is BEGIN IMMEDIATE. What is not `durable` waits for no disk: it outlives the death of any process, but not
        for certain that of the machine, after which it is as if it had not been; that is enough for what is made good by itself.
        """
        if not self._sqlite:
            with self._engine.begin() as connection:
                if not durable:
                    connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
                yield connection
            return
        with self._turnstile.turn() as insist, self._engine.connect() as connection:
            insist(lambda: _begin_immediate(connection, durable=durable))
            yield connection
            connection.commit()

    def stamp(self) -> int | None:
        """Return a number that changes with every commit to the records, in microseconds; None where the database tells no such thing.

        SQLite's `data_version` counts the commits of other connections, and this one never writes. For one thread only.
        """
        if not self._sqlite:
            return None
        if self._watch is None:
            path = make_url(self._url).database or ""
            self._watch = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000)
        version: int = self._watch.execute("PRAGMA data_version").fetchone()[0]
        return version

    def engine(self) -> Engine:
        """Return the SQLAlchemy engine, for migrations."""
        return self._engine

    def forget_connections(self) -> None:
        """Drop connections inherited through a fork without closing the parent's."""
        self._engine.dispose(close=False)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
        if self._watch is not None:
            self._watch.close()
            self._watch = None


def _begin_immediate(connection: Connection, *, durable: bool) -> bool:
    """Take SQLite's write lock if it is free; what comes after it waits for readers as usual."""
    raw: Any = connection.connection.dbapi_connection
    raw.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
    raw.execute("PRAGMA busy_timeout=0")
    try:
        raw.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    finally:
        raw.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    return True


def _sqlite_engine(url: str) -> Engine:
    path = make_url(url).database
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    connect = {"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False}
    engine = create_engine(url, connect_args=connect, pool_size=8, max_overflow=56, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA cache_size=-{_KIBIBYTES_OF_CACHE}")
        cursor.close()

    return engine
