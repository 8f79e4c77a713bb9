"""What the query service's tasks work with; made once in the process."""

from __future__ import annotations

from dataclasses import dataclass

from services.query.engines.port import Engine
from services.query.watcher import Watcher
from services.shared.catalog.port import Catalog
from services.shared.jobs.run import Runner
from services.shared.records.database import Database
from services.shared.settings import Settings
from services.shared.storage.port import Storage


@dataclass(frozen=True)
class QueryService:
    """The collaborators of the query service."""

    settings: Settings
    database: Database
    storage: Storage
    catalog: Catalog
    engine: Engine
    runner: Runner
    watcher: Watcher
