"""The adapters that the settings choose, for the wiring modules of the three services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from services.shared.catalog.embedded import STAGING, VERSIONS, Classify, EmbeddedCatalog
from services.shared.records.database import Database
from services.shared.settings import Platform, Settings
from services.shared.storage.folder import FolderStorage
from services.shared.storage.folder_parts import FolderParts


@dataclass(frozen=True)
class EngineFacts:
    """What is known of the query engine without having it: its name, and what it charges for a scanned terabyte."""

    name: Literal["athena", "duckdb"]
    price_per_tb_usd: float


@dataclass(frozen=True)
class Adapters:
    """One set of adapters, for one process."""

    database: Database
    storage: FolderStorage
    parts: FolderParts
    catalog: EmbeddedCatalog
    engine: EngineFacts


def make_adapters(settings: Settings, *, classify: Classify | None = None) -> Adapters:
    """Return the adapters of the platform."""
    if settings.platform is not Platform.LOCAL:
        raise ValueError(f"HEADWATER_PLATFORM={settings.platform} is not built yet; `local` is")
    database = Database(settings.database_location())
    objects = settings.objects_folder()
    storage = FolderStorage(objects)
    catalog = EmbeddedCatalog(database, folder_of=storage.engine_location, classify=classify)
    return Adapters(database, storage, FolderParts(objects / "raw"), catalog, EngineFacts("duckdb", price_per_tb_usd=0.0))


def ensure_databases(catalog: EmbeddedCatalog, settings: Settings) -> None:
    """Make the catalog databases that publishing needs; run with the migrations."""
    catalog.ensure_database(settings.database, "Datasets published by Headwater")
    catalog.ensure_database(STAGING, "What crawls propose, before it is checked")
    catalog.ensure_database(VERSIONS, "The versions of partitioned datasets, each behind its dataset's view")
