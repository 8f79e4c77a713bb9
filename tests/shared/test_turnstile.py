"""The turnstile: who comes first writes first, and no one waits for ever."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy.exc import TimeoutError as RecordsTimeout

from services.shared.records.database import Database
from services.shared.records.turnstile import Turnstile

_WRITER = """
import sys, time
from services.shared.records.database import Database
database = Database(sys.argv[1])
written, end = 0, time.monotonic() + 2
print("ready", flush=True)
sys.stdin.readline()
while time.monotonic() < end:
    with database.write() as tx:
        tx.exec_driver_sql("INSERT INTO t VALUES (1)")
    written += 1
print(written)
"""


def test_threads_take_turns_in_their_order() -> None:
    """Twenty threads that came one after the other are served one after the other."""
    turnstile, served, came = Turnstile(timeout_s=10), list[int](), threading.Semaphore(0)

    def come(number: int) -> None:
        came.release()
        with turnstile.turn():
            served.append(number)

    threads = [threading.Thread(target=come, args=(number,)) for number in range(20)]
    with turnstile.turn():
        for waiting, thread in enumerate(threads, 2):
            thread.start()
            while len(turnstile) < waiting:
                came.acquire(timeout=0.01)
    for thread in threads:
        thread.join()
    assert served == list(range(20))


def test_a_wait_ends() -> None:
    """Who is not let in within the time gives up, and does not stand in the way of those behind."""
    turnstile = Turnstile(timeout_s=0.05)
    with turnstile.turn() as insist:
        gave_up: list[type[Exception]] = []

        def come() -> None:
            try:
                with turnstile.turn():
                    raise AssertionError("let in")
            except RecordsTimeout as error:
                gave_up.append(type(error))

        thread = threading.Thread(target=come)
        thread.start()
        thread.join()
        assert gave_up == [RecordsTimeout]
        with pytest.raises(RecordsTimeout):
            insist(lambda: False)
    with turnstile.turn():
        assert len(turnstile) == 1


def test_a_failed_transaction_gives_its_turn_back(tmp_path: Path) -> None:
    """What raises inside a transaction changes nothing, and the next one begins at once."""
    database = Database(f"sqlite:///{tmp_path}/records.sqlite3")
    with database.write() as tx:
        tx.exec_driver_sql("CREATE TABLE t (a INTEGER)")
    with pytest.raises(ZeroDivisionError):
        _write_and_fail(database)
    began = time.monotonic()
    with database.write() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM t").scalar() == 0
    assert time.monotonic() - began < 1
    database.close()


def test_processes_do_not_starve_each_other(tmp_path: Path) -> None:
    """Four processes that write without a pause for two seconds come to write about equally often."""
    url = f"sqlite:///{tmp_path}/records.sqlite3"
    database = Database(url)
    with database.write() as tx:
        tx.exec_driver_sql("CREATE TABLE t (a INTEGER)")
    database.close()
    command = [sys.executable, "-c", _WRITER, url]
    writers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    written = [int(writer.communicate(timeout=60)[0]) for writer in writers]
    print(f"\nwritten: {written}")
    assert max(written) <= 3 * min(written)


def _write_and_fail(database: Database) -> None:
    with database.write() as tx:
        tx.exec_driver_sql("INSERT INTO t VALUES (1)")
        raise ZeroDivisionError
