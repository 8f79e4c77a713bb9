"""What a worker's tasks work with; made once in each process, after the fork."""

from __future__ import annotations

from dataclasses import dataclass

import redis

from services.shared.catalog.port import Catalog
from services.shared.heartbeats import Heartbeats
from services.shared.jobs.run import Runner
from services.shared.jobs.store import JobStore
from services.shared.outbox import Outbox
from services.shared.records.database import Database
from services.shared.settings import Settings
from services.shared.storage.port import RawParts, Storage
from services.shared.wiring import EngineFacts


@dataclass(frozen=True)
class Worker:
    """The collaborators of a worker process."""

    settings: Settings
    database: Database
    storage: Storage
    parts: RawParts
    catalog: Catalog
    jobs: JobStore
    outbox: Outbox
    runner: Runner
    engine: EngineFacts
    redis: redis.Redis
    heartbeats: Heartbeats
