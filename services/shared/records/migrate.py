"""Bring the records to the newest schema: `python -m services.shared.records.migrate`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from services.shared.logs import configure_logs, get_logger
from services.shared.records.database import Database
from services.shared.settings import load_settings


def migrate(database: Database) -> None:
    """Apply every migration that is missing; running it twice changes nothing."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def main() -> None:
    """Migrate the database that the settings name."""
    settings = load_settings()
    configure_logs(settings, service="migrate")
    database = Database(settings.database_location())
    migrate(database)
    database.close()
    get_logger().info("records.migrated")


if __name__ == "__main__":
    main()
