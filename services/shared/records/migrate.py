"""Bring the records to the newest schema."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from services.shared.records.database import Database


def migrate(database: Database) -> None:
    """Apply every migration that is missing; running it twice changes nothing."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
