"""Heartbeats: which workers live and when the reconciler last looked, kept where it can be lost; whoever lives says so again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import redis
from celery import bootsteps

from services.shared.broker import KEY_PREFIX
from services.shared.settings import Settings, load_settings

BEAT_S = 5.0
ALIVE_S = 20.0
_FORGOTTEN_S = 600.0
_TIMEOUT_S = 0.5
_WORKERS = f"{KEY_PREFIX}workers"
_RECONCILED = f"{KEY_PREFIX}reconciled"


@dataclass(frozen=True)
class Pulse:
    """Seconds since a worker of each queue was last heard, how many were heard just now, and seconds since the reconciler's last look."""

    age_s: Mapping[str, float]
    living: Mapping[str, int]
    reconciled_s: float | None


class Heartbeats:
    """What living processes say of themselves in Redis; every method raises redis.RedisError while it does not answer."""

    def __init__(self, settings: Settings) -> None:
        url = settings.redis_url or ""
        self._client: redis.Redis = redis.Redis.from_url(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, retry=None)

    def beat(self, node: str, queues: Iterable[str]) -> None:
        """Say that a worker lives, and forget those that have not said so for long."""
        self._client.hset(_WORKERS, node, json.dumps({"at": time.time(), "queues": sorted(queues)}))
        gone = [name for name, said in self._all().items() if time.time() - said["at"] > _FORGOTTEN_S]
        if gone:
            self._client.hdel(_WORKERS, *gone)

    def leave(self, node: str) -> None:
        """Say that a worker stops."""
        self._client.hdel(_WORKERS, node)

    def reconciled(self) -> None:
        """Say that the reconciler has just looked at everything."""
        self._client.set(_RECONCILED, time.time())

    def read(self) -> Pulse:
        """Return what was said."""
        now = time.time()
        age_s: dict[str, float] = {}
        living: dict[str, int] = {}
        for said in self._all().values():
            age = max(0.0, now - said["at"])
            for queue in said["queues"]:
                age_s[queue] = min(age, age_s.get(queue, age))
                living[queue] = living.get(queue, 0) + (age < ALIVE_S)
        looked = cast("bytes | None", self._client.get(_RECONCILED))
        return Pulse(age_s, living, None if looked is None else max(0.0, now - float(looked)))

    def _all(self) -> dict[str, dict[str, Any]]:
        said = cast("dict[bytes, bytes]", self._client.hgetall(_WORKERS))
        return {node.decode(): json.loads(value) for node, value in said.items()}


class HeartbeatStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """Lets a Celery worker beat from its own event loop: one that stands still is not heard."""

    requires = ("celery.worker.components:Timer",)

    def __init__(self, worker: Any, **_: Any) -> None:
        super().__init__(worker)
        self._heartbeats = Heartbeats(load_settings())
        self._timer: Any = None

    def start(self, worker: Any) -> None:
        """Beat now and from now on."""
        self._beat(worker)
        self._timer = worker.timer.call_repeatedly(BEAT_S, self._beat, (worker,))

    def stop(self, worker: Any) -> None:
        """Beat no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._quietly(self._heartbeats.leave, worker.hostname)

    def _beat(self, worker: Any) -> None:
        self._quietly(self._heartbeats.beat, worker.hostname, tuple(worker.app.amqp.queues.consume_from))

    def _quietly(self, say: Any, *arguments: Any) -> None:
        try:
            say(*arguments)
        except redis.RedisError:
            return
