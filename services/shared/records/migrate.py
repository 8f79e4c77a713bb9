"""Bring the records to the newest schema."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from services.shared.records.database import Database


def migrate(database: Database) -> None:
    """Apply every migration that is missing; running it twice changes nothing."""
    config = _config()
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def find_revision(database: Database) -> str | None:
    """Return the revision that the records are at; None if they have no schema."""
    with database.read() as tx:
        return MigrationContext.configure(tx).get_current_revision()


def known_revisions() -> list[str]:
    """Return this version's revisions, the oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    return config
