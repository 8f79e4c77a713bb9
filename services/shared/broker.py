"""The broker's configuration: Celery over Redis, where a message is a hint and the job's record is the truth.

Messages are acknowledged early and results ignored: a lost or doubled message is only a delay, because a job is claimed
in the records and the reconciler sends again what was lost. `docs/adr/0001-a-message-is-a-hint.md` says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from celery import Celery
from kombu.entity import Queue

from services.shared.jobs.model import QUEUES
from services.shared.settings import Settings

KEY_PREFIX = "headwater:"
_LONGER_THAN_ANY_JOB_S = 43_200
_SOFT_SHUTDOWN_S = 100
_TASK_SOFT_LIMIT_S = 6 * 3600


def make_app(name: str, settings: Settings, *, include: Iterable[str] = (), socket_timeout_s: float = 10, patient: bool = True) -> Celery:
    """Return a Celery application; an impatient one (the api's) gives up on a silent broker after `socket_timeout_s`."""
    app = Celery(name, broker=settings.redis_url, include=list(include), set_as_current=patient)
    transport = {
        "visibility_timeout": _LONGER_THAN_ANY_JOB_S,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": socket_timeout_s,
        "socket_connect_timeout": min(3.0, socket_timeout_s),
        "socket_keepalive": True,
        "health_check_interval": 15,
        "retry_on_timeout": False,
        "global_keyprefix": KEY_PREFIX,
    }
    queues = sorted(set(QUEUES.values()))
    app.conf.update(
        broker_transport_options=transport,
        visibility_timeout=_LONGER_THAN_ANY_JOB_S,
        task_acks_late=False,
        task_ignore_result=True,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_soft_shutdown_timeout=_SOFT_SHUTDOWN_S,
        worker_enable_soft_shutdown_on_idle=True,
        worker_max_tasks_per_child=20,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=True,
        task_send_sent_event=True,
        task_soft_time_limit=_TASK_SOFT_LIMIT_S,
        task_time_limit=_TASK_SOFT_LIMIT_S + 300,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=min(3.0, socket_timeout_s),
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2},
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        task_queues=[Queue(queue) for queue in queues],  # type: ignore[no-untyped-call]
        task_default_queue="housekeeping",
        timezone="UTC",
        enable_utc=True,
    )
    return app


def schedule_reconciler(app: Celery, settings: Settings) -> None:
    """Let beat send the reconciler's tick; a tick that was not taken before the next one is due expires."""
    app.conf.beat_schedule_filename = str(Path(settings.home).resolve() / "run" / "beat-schedule")
    app.conf.beat_schedule = {
        "reconcile": {
            "task": "headwater.reconcile",
            "schedule": settings.reconcile_s,
            "options": {"queue": "housekeeping", "expires": settings.reconcile_s},
        }
    }


def task_name(kind: str) -> str:
    """Return the readable name that Flower shows for a job's task."""
    return f"headwater.{kind}"


def queue_length(connection: Any, queue: str) -> int:
    """Return how many messages wait in a queue; `connection` is a redis client."""
    return int(connection.llen(KEY_PREFIX + queue))
