"""Progress: how far a running job is, kept where it can be lost; the record keeps what must stay."""

from __future__ import annotations

import json
from typing import Any, cast

import redis

from services.shared.broker import KEY_PREFIX
from services.shared.settings import Settings

_KEPT_S = 86_400


class ProgressBoard:
    """The latest progress of each job in Redis; a Redis that does not answer costs the detail, never an error."""

    def __init__(self, settings: Settings, *, timeout_s: float = 0.5) -> None:
        if settings.redis_url is None:
            raise ValueError("HEADWATER_REDIS_URL is not set; `make up` sets it for the broker that it starts")
        self._client: redis.Redis = redis.Redis.from_url(settings.redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=None)

    def put(self, job_id: str, progress: dict[str, Any]) -> None:
        """Show the progress of a job; silently without effect while Redis is away."""
        try:
            self._client.set(_key(job_id), json.dumps(progress), ex=_KEPT_S)
        except redis.RedisError:
            return

    def find(self, job_id: str) -> dict[str, Any] | None:
        """Return the latest progress shown, or None."""
        try:
            raw = cast("bytes | None", self._client.get(_key(job_id)))
        except redis.RedisError:
            return None
        return None if raw is None else cast("dict[str, Any]", json.loads(raw))

    def ping(self) -> None:
        """Raise redis.RedisError if Redis does not answer."""
        self._client.ping()


def _key(job_id: str) -> str:
    return f"{KEY_PREFIX}progress:{job_id}"
