"""The embedded catalog: databases and tables in the records, and a crawler that reads a location's files at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.shared.catalog.port import CatalogConflict, CatalogDatabase, Column, Crawl, CsvClassifier, Table
from services.shared.catalog.serde import Serde
from services.shared.clock import utc_now
from services.shared.errors import Problem
from services.shared.ids import new_id
from services.shared.records.database import Database
from services.shared.records.tables import catalog_crawls, catalog_databases, catalog_tables

STAGING = "headwater_staging"
VERSIONS = "headwater_versions"
_HIDDEN = (STAGING, VERSIONS)
Classify = Callable[[str, CsvClassifier | None], Sequence[Table]]


class EmbeddedCatalog:
    """The catalog of one machine; `classify` reads what lies in a folder and proposes tables (only a worker has it).

    `folder_of` turns a location into the folder that holds its files.
    """

    def __init__(self, database: Database, *, folder_of: Callable[[str], str], classify: Classify | None = None) -> None:
        self._database = database
        self._folder_of = folder_of
        self._classify = classify

    def ensure_database(self, name: str, description: str) -> None:
        """Make a database unless it exists."""
        with self._database.write() as tx:
            if tx.execute(select(catalog_databases.c.name).where(catalog_databases.c.name == name)).first() is None:
                tx.execute(insert(catalog_databases).values(name=name, description=description, created_at=utc_now()))

    def list_databases(self) -> Sequence[CatalogDatabase]:
        """Return all databases but those that are not for users: what crawls propose, and the tables behind views."""
        with self._database.read() as tx:
            rows = tx.execute(select(catalog_databases).where(catalog_databases.c.name.not_in(_HIDDEN)).order_by(catalog_databases.c.name)).mappings()
            return [CatalogDatabase(row["name"], row["description"], row["created_at"]) for row in rows]

    def find_database(self, name: str) -> CatalogDatabase | None:
        """Return a database, or None."""
        return next((found for found in self.list_databases() if found.name == name), None)

    def list_tables(self, database: str) -> Sequence[Table]:
        """Return a database's tables."""
        with self._database.read() as tx:
            rows = tx.execute(select(catalog_tables).where(catalog_tables.c.database == database).order_by(catalog_tables.c.name)).mappings()
            return [_table(row) for row in rows]

    def find_table(self, database: str, name: str) -> Table | None:
        """Return a table, or None."""
        with self._database.read() as tx:
            where = (catalog_tables.c.database == database, catalog_tables.c.name == name)
            row = tx.execute(select(catalog_tables).where(*where)).mappings().first()
        return None if row is None else _table(row)

    def put_table(self, table: Table, *, expected_version: str | None) -> Table:
        """Insert the table, or update the version expected."""
        now = utc_now()
        values: dict[str, Any] = {
            "version": new_id("tbv"),
            "columns": [_plain(column) for column in table.columns],
            "partition_keys": [_plain(column) for column in table.partition_keys],
            "view": table.view,
            "location": table.location,
            "format": table.format,
            "serde": None if table.serde is None else {"library": table.serde.library, "parameters": dict(table.serde.parameters)},
            "parameters": dict(table.parameters),
            "updated_at": now,
        }
        where = (catalog_tables.c.database == table.database, catalog_tables.c.name == table.name)
        try:
            with self._database.write() as tx:
                if expected_version is None:
                    tx.execute(insert(catalog_tables).values(database=table.database, name=table.name, created_at=now, **values))
                elif not tx.execute(update(catalog_tables).where(*where, catalog_tables.c.version == expected_version).values(values)).rowcount:
                    raise CatalogConflict(f"{table.database}.{table.name} is not at version {expected_version}.")
                return _table(tx.execute(select(catalog_tables).where(*where)).mappings().one())
        except IntegrityError as error:
            raise CatalogConflict(f"{table.database}.{table.name} exists.") from error

    def drop_table(self, database: str, name: str) -> None:
        """Delete the table's row."""
        with self._database.write() as tx:
            tx.execute(delete(catalog_tables).where(catalog_tables.c.database == database, catalog_tables.c.name == name))

    def start_crawl(self, name: str, *, location: str, database: str, table_prefix: str, classifier: CsvClassifier | None = None) -> None:
        """Read the location's files now and put what they seem to be into the staging database."""
        if self._classify is None:
            raise RuntimeError("this process has no crawler")
        found = self.find_crawl(name)
        if found is not None and found.state != "running":
            return None
        if found is None:
            try:
                with self._database.write() as tx:
                    tx.execute(insert(catalog_crawls).values(name=name, database=database, location=location, state="running", started_at=utc_now()))
            except IntegrityError:
                return self.start_crawl(name, location=location, database=database, table_prefix=table_prefix, classifier=classifier)
        folder = self._folder_of(location)
        try:
            proposed = [
                replace(table, database=database, name=table_prefix + table.name, location=location + table.location.removeprefix(folder).lstrip("/"))
                for table in self._classify(folder, classifier)
            ]
        except Problem as problem:
            return self._finish(name, state="failed", error=problem.detail)
        for table in proposed:
            self.drop_table(table.database, table.name)
            self.put_table(table, expected_version=None)
        return self._finish(name, state="succeeded", tables=[table.name for table in proposed])

    def find_crawl(self, name: str) -> Crawl | None:
        """Return how a crawl stands, with the tables it made."""
        with self._database.read() as tx:
            row = tx.execute(select(catalog_crawls).where(catalog_crawls.c.name == name)).mappings().first()
        if row is None:
            return None
        tables = (self.find_table(row["database"], table) for table in row["tables"] or ())
        return Crawl(name, row["state"], tuple(table for table in tables if table is not None), row["error"], row["started_at"], row["finished_at"])

    def delete_crawl(self, name: str) -> None:
        """Forget a crawl and drop its staging tables."""
        with self._database.write() as tx:
            row = tx.execute(select(catalog_crawls).where(catalog_crawls.c.name == name)).mappings().first()
            if row is None:
                return
            for table in row["tables"] or ():
                tx.execute(delete(catalog_tables).where(catalog_tables.c.database == row["database"], catalog_tables.c.name == table))
            tx.execute(delete(catalog_crawls).where(catalog_crawls.c.name == name))

    def _finish(self, name: str, *, state: str, tables: list[str] | None = None, error: str | None = None) -> None:
        with self._database.write() as tx:
            tx.execute(
                update(catalog_crawls).where(catalog_crawls.c.name == name).values(state=state, tables=tables, error=error, finished_at=utc_now())
            )


def _plain(column: Column) -> dict[str, str]:
    return {"name": column.name, "type": column.type, "comment": column.comment}


def _table(row: RowMapping) -> Table:
    return Table(
        database=row["database"],
        name=row["name"],
        columns=tuple(Column(**column) for column in row["columns"]),
        location=row["location"],
        format=row["format"],
        partition_keys=tuple(Column(**column) for column in row["partition_keys"]),
        view=row["view"],
        serde=None if row["serde"] is None else Serde(**row["serde"]),
        parameters=row["parameters"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
