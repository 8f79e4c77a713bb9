"""The migrations make exactly the schema that the code works with."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import BigInteger

from services.shared.records.database import Database
from services.shared.records.migrate import migrate
from services.shared.records.tables import UtcTime, metadata


def test_the_newest_schema_is_the_code_s(tmp_path: Path) -> None:
    """After all migrations nothing differs: no table, column, type, index or key."""

    def same_type(_context: object, _inspected: object, _column: object, inspected_type: object, metadata_type: object) -> bool | None:
        return False if isinstance(metadata_type, UtcTime) and isinstance(inspected_type, BigInteger) else None

    database = Database(f"sqlite:///{tmp_path}/records.sqlite3")
    migrate(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": same_type})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    """A second run finds nothing to do and keeps what is there."""
    database = Database(f"sqlite:///{tmp_path}/records.sqlite3")
    migrate(database)
    with database.write() as tx:
        tx.exec_driver_sql("INSERT INTO catalog_databases VALUES ('kept', '', 0)")
    migrate(database)
    with database.read() as tx:
        assert tx.exec_driver_sql("SELECT name FROM catalog_databases").scalars().all() == ["kept"]
    database.close()
