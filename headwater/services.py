"""The services: the one table of what `make up` runs, in which order, and how each is known to answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from headwater.broker import Broker
from headwater.flower import reach, secrets_for
from headwater.health import NodePings, http_ok
from headwater.service import Health, Service
from services.shared.jobs.turns import lane_slots
from services.shared.settings import Settings

_WORKER = "services.worker.app"
_QUERY = "services.query.app"
_MONITOR = "headwater.monitor"
_FLOWER_SAVES_EVERY_MS = 30_000
_HAND_OVER = {"REMAP_SIGTERM": "SIGQUIT"}
# Tasks are JSON that names a job: the danger that Celery warns root of, a message that is code, is not there.
_CALM = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges"}
# What Celery prints to a person at its terminal, who has the supervisor's instead.
_NOISE = frozenset(
    {
        "",
        "worker: Warm shutdown (MainProcess)",
        "worker: Cold shutdown (MainProcess)",
        "worker: Hitting Ctrl+C again will terminate all running tasks!",
        "worker: Hitting Ctrl+C again will initiate cold shutdown, terminating all running tasks!",
    }
)


@dataclass(frozen=True)
class Place:
    """Where this Headwater lives; `broker` is None when `redis_url` names one that is not ours."""

    settings: Settings
    home: Path
    redis_url: str
    broker: Broker | None

    def environment(self) -> dict[str, str]:
        """Return what every service's environment has beside the supervisor's; the only place where the password travels."""
        return {
            "HEADWATER_HOME": str(self.home),
            "HEADWATER_REDIS_URL": self.redis_url,
            "HEADWATER_API_PORT": str(self.settings.api_port),
            "HEADWATER_FLOWER_PORT": str(self.settings.flower_port),
            "PYTHONUNBUFFERED": "1",
        }


def stages(place: Place) -> tuple[tuple[Service, ...], ...]:
    """Return the services in the order of their start: a stage waits until all of the one before answer."""
    pings = NodePings({**os.environ, **place.environment()})
    settings = place.settings
    workers = (
        _worker(place, pings, name="worker-profile", queue="profile", pool=("--pool=prefork", "--concurrency=1")),
        _worker(place, pings, name="worker-publish", queue="publish", pool=("--pool=prefork", "--concurrency=1")),
        _worker(place, pings, name="query", queue="query", pool=("--pool=threads", f"--concurrency={sum(lane_slots(settings).values())}")),
        _worker(place, pings, name="housekeeping", queue="housekeeping", pool=("--pool=solo",)),
    )
    api = _python(place, "api", "services.api", healthy=http_ok(settings.api_port, "/healthz"))
    return (
        (place.broker.service() if place.broker is not None else _python(place, "broker", _MONITOR),),
        (_python(place, "migrations", "services.shared.prepare"),),
        (api, *workers, _beat(place, pings), _flower(place)),
    )


def _worker(place: Place, pings: NodePings, *, name: str, queue: str, pool: tuple[str, ...]) -> Service:
    application = _QUERY if queue == "query" else _WORKER
    node = ("--queues", queue, "--hostname", f"{name}@%h", "--without-gossip", "--without-mingle")
    arguments = ("celery", "-q", "-A", application, "worker", *node, *pool, f"--loglevel={place.settings.log_level}")
    # Celery's own settings are for a container that has two minutes to stop; a person at a terminal waits for seconds.
    soon = ("--", f"worker_soft_shutdown_timeout={place.settings.soft_stop_s}", "worker_enable_soft_shutdown_on_idle=false")
    more = _CALM if queue == "query" else {**_CALM, **_HAND_OVER}
    return replace(_python(place, name, *arguments, *soon, healthy=pings.answers(name), more=more), noise=_NOISE)


def _beat(place: Place, pings: NodePings) -> Service:
    # Not the `-B` of a worker: its scheduler is a process that lives on when the worker is killed.
    node = ("--hostname", "beat@%h", "--enable-remote-control", f"--loglevel={place.settings.log_level}")
    schedule = ("--schedule", str(place.home / "run" / "beat-schedule"))
    return _python(place, "beat", "celery", "-q", "-A", _WORKER, "beat", *node, *schedule, healthy=pings.answers("beat"))


def _flower(place: Place) -> Service:
    folder = place.home / "flower"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    history = (f"--db={folder / 'history'}", "--persistent=True", f"--state_save_interval={_FLOWER_SAVES_EVERY_MS}")
    bounds = (f"--max_tasks={place.settings.flower_tasks}", "--max_workers=100", "--read_only=True")
    where = (f"--address={place.settings.flower_host}", f"--port={place.settings.flower_port}")
    arguments = ("celery", "-q", "-A", _MONITOR, "flower", *where, *bounds, *history)
    healthy = http_ok(place.settings.flower_port, "/healthcheck", host=reach(place.settings))
    return _python(place, "flower", *arguments, healthy=healthy, more=secrets_for(place.settings))


def _python(place: Place, name: str, module: str, *arguments: str, healthy: Health | None = None, more: Mapping[str, str] | None = None) -> Service:
    environment = {**place.environment(), **(more or {})}
    return Service(name, (sys.executable, "-m", module, *arguments), healthy=healthy, environment=environment)
