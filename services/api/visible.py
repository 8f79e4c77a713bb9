"""The catalog as users may query it, and a statement checked against it before any engine sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.api.deps import Services
from services.shared.catalog.embedded import VERSIONS
from services.shared.catalog.port import DATASET_PARAMETER, CatalogDatabase, Table
from services.shared.errors import DatabaseNotFound
from services.shared.reuse import digest_statement, reuse_key
from services.shared.sql.guard import Statement, parse_statement
from services.shared.sql.parameters import Parameter, with_parameters
from services.shared.sql.reads import Scan
from services.shared.sql.repeatable import is_repeatable
from services.shared.sql.show import answer_show
from services.shared.sql.translate import Translation, translate


@dataclass(frozen=True)
class Checked:
    """A statement that may run: where its unqualified names live, and what it reads; `names` is what users call the table of each scan."""

    statement: Statement
    database: str
    scans: tuple[Scan, ...] = ()
    names: tuple[str, ...] = ()
    tables: tuple[tuple[str, str], ...] = ()
    digest: str | None = None
    reuse_key: str | None = None


def check_statement(services: Services, sql: str, parameters: Sequence[Parameter], database: str | None) -> Checked:
    """Return what the statement means; raise what is wrong with it."""
    visible = _Visible(services)
    database = database or services.settings.database
    if database not in visible.names:
        raise DatabaseNotFound(f"There is no database {database}.")
    statement = with_parameters(parse_statement(sql, max_bytes=services.settings.max_sql_bytes), parameters)
    if statement.show is not None:
        answer_show(statement.show, visible, database=database)
        return Checked(statement, database)
    translation = translate(statement, visible, database=database)
    names = _names(visible, translation)
    tables = tuple(sorted({*translation.views, *((table.database, table.name) for table in translation.tables)}))
    if statement.tree is None or not is_repeatable(statement.tree):
        return Checked(statement, database, translation.scans, names, tables)
    digest = digest_statement(statement.sql, parameters, database=database, engine=services.engine.name)
    return Checked(statement, database, translation.scans, names, tables, digest, reuse_key(visible, digest, tables))


def _names(visible: _Visible, translation: Translation) -> tuple[str, ...]:
    """Name the table of each scan; one behind a view goes by the view's name, the only one that users know."""
    found = [table for name in translation.views if (table := visible.find_table(*name)) is not None]
    views = {view.parameters.get(DATASET_PARAMETER): view for view in found}
    tables = [scan.table for scan in translation.scans]
    shown = [views.get(table.parameters.get(DATASET_PARAMETER), table) if table.database == VERSIONS else table for table in tables]
    return tuple(f"{table.database}.{table.name}" for table in shown)


class _Visible:
    """The catalog without what crawls propose, read once: a statement sees one state of each table."""

    def __init__(self, services: Services) -> None:
        self._catalog = services.catalog
        self._databases = services.catalog.list_databases()
        self._found: dict[tuple[str, str], Table | None] = {}
        self.names = frozenset(database.name for database in self._databases)

    def list_databases(self) -> Sequence[CatalogDatabase]:
        """Return the databases that users may see."""
        return self._databases

    def list_tables(self, database: str) -> Sequence[Table]:
        """Return a database's tables, by name."""
        return self._catalog.list_tables(database) if database in self.names else ()

    def find_table(self, database: str, name: str) -> Table | None:
        """Return a table, or None; a view's SELECT finds the tables behind views, which users can't name."""
        if database not in self.names and database != VERSIONS:
            return None
        if (database, name) not in self._found:
            self._found[database, name] = self._catalog.find_table(database, name)
        return self._found[database, name]
