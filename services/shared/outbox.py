"""The outbox: messages that are recorded with the job and sent when the broker will have them.

A row lives from the job's queueing until its claim. Sending is a best effort at once, then the reconciler's: what was never
published is sent as soon as it is due; what was published is sent again (30 s, then 1, 2, 4 … 10 min) only while its queue
in Redis holds fewer messages than the records say it should.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import redis
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import Row, Select, func, select, update

from services.shared.broker import queue_length, task_name
from services.shared.clock import Clock, utc_now
from services.shared.jobs.turns import give_turns, lanes_waiting
from services.shared.logs import get_logger
from services.shared.records.database import Database
from services.shared.records.tables import jobs, outbox
from services.shared.settings import Settings

_LONGEST_S = 600
_DUE = select(outbox.c.job_id, outbox.c.queue, outbox.c.sends, outbox.c.due_at, jobs.c.kind).join(jobs, jobs.c.id == outbox.c.job_id)
log = get_logger()


class Outbox:
    """Sends recorded messages; any process may, and twice does no harm."""

    def __init__(self, database: Database, app: Celery, settings: Settings, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._app = app
        self._settings = settings
        self._clock = clock
        self._sender = ThreadPoolExecutor(max_workers=2, thread_name_prefix="outbox")
        self._asked = threading.Event()

    def send_soon(self, *job_ids: str) -> None:
        """Send these jobs' messages from another thread, so that no request waits for the broker."""
        for job_id in job_ids:
            self._sender.submit(self.send, job_id)

    def send_new_soon(self) -> None:
        """Send, from another thread, what no one has sent yet: a job's end may have woken others. A call that waits already is enough."""
        if not self._asked.is_set():
            self._asked.set()
            self._sender.submit(self._send_asked)

    def send(self, job_id: str) -> bool:
        """Send one job's message if it is due; False means that the broker did not take it, and the reconciler will."""
        return self._send_all(_DUE.where(outbox.c.job_id == job_id, outbox.c.due_at <= self._clock()))

    def send_new(self, *, limit: int = 50) -> None:
        """Give the free slots away and send messages that no one has sent yet, such as those of jobs that this process's job has just woken."""
        self._give_turns()
        self._send_all(_DUE.where(outbox.c.sends == 0, outbox.c.due_at <= self._clock()).order_by(outbox.c.due_at).limit(limit))

    def _give_turns(self) -> None:
        with self._database.read() as tx:
            lanes = lanes_waiting(tx, now=self._clock())
        if lanes:
            with self._database.write(durable=False) as tx:
                give_turns(tx, self._settings, now=self._clock(), lanes=lanes)

    def _send_asked(self) -> None:
        self._asked.clear()
        self.send_new()

    def _send_all(self, which: Select[Any]) -> bool:
        """Send the messages of these rows, and record in one transaction those that the broker took."""
        with self._database.read() as tx:
            rows = tx.execute(which).all()
        sent = []
        for row in rows:
            try:
                self._app.send_task(task_name(row.kind), args=[row.job_id], task_id=row.job_id, queue=row.queue, retry=False, ignore_result=True)
            except (OperationalError, redis.RedisError, OSError) as error:
                log.warning("outbox.broker_unreachable", job_id=row.job_id, reason=type(error).__name__)
                break
            sent.append(row)
        if sent:
            self._record(sent)
        return len(sent) == len(rows)

    def _record(self, sent: Sequence[Row[Any]]) -> None:
        """Note what was sent, unless its job was claimed and has queued its next message by now: that one is due at another time."""
        now = self._clock()
        with self._database.write(durable=False) as tx:
            for row in sent:
                again = now + timedelta(seconds=min(_LONGEST_S, self._settings.resend_s * 2**row.sends))
                tx.execute(
                    update(outbox)
                    .where(outbox.c.job_id == row.job_id, outbox.c.sends == row.sends, outbox.c.due_at == row.due_at)
                    .values(sends=row.sends + 1, published_at=now, due_at=again)
                )

    def send_due(self, client: redis.Redis, *, limit: int = 500) -> int:
        """Send what is due and, if it was sent before, seems lost; return how many messages went out."""
        self._give_turns()
        now = self._clock()
        with self._database.read() as tx:
            due = tx.execute(
                select(outbox.c.job_id, outbox.c.queue, outbox.c.published_at).where(outbox.c.due_at <= now).order_by(outbox.c.due_at).limit(limit)
            ).all()
            published = tx.execute(select(outbox.c.queue, func.count()).where(outbox.c.published_at.is_not(None)).group_by(outbox.c.queue)).all()
        missing = {queue: count - queue_length(client, queue) for queue, count in published}
        sent = 0
        for job_id, queue, published_at in due:
            if published_at is not None:
                if missing.get(queue, 0) <= 0:
                    continue
                missing[queue] -= 1
            if not self.send(job_id):
                break
            sent += 1
        return sent

    def close(self) -> None:
        """Wait for what is being sent, and stop."""
        self._sender.shutdown(wait=True, cancel_futures=True)
