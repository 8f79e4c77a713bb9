"""The catalog port: the Data Catalog as the query engine sees it, and the crawler that proposes tables to it.

A table that a user can see is changed by one `put_table`, which names the version it replaces. A crawl is given a location
and nothing else: what it finds is its own reading of the files, which the publish compares with its contract.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from services.shared.catalog.serde import Serde, SerdeName

DATASET_PARAMETER: Final = "headwater.dataset_id"
VERSION_PARAMETER: Final = "headwater.version"


@dataclass(frozen=True)
class Column:
    """A column of a table; `type` is an Athena type, `comment` keeps the name it had in the file."""

    name: str
    type: str
    comment: str = ""


@dataclass(frozen=True)
class Table:
    """A table: columns, where its files are (a storage prefix that ends in `/`), and how they are written (text: for which SerDe).

    The values of `partition_keys` stand in the folders' names below the location, `key=value`, as Hive writes them. With a `view`, a SELECT in
    Athena's SQL, the table is a view of another one: its rows come from there, and the location only says whose they are.
    A table of ours names its dataset and version in its parameters.
    """

    database: str
    name: str
    columns: tuple[Column, ...]
    location: str
    format: str
    partition_keys: tuple[Column, ...] = ()
    view: str | None = None
    serde: Serde | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True)
class CatalogDatabase:
    """A database of the catalog."""

    name: str
    description: str
    created_at: datetime | None = None


@dataclass(frozen=True)
class Crawl:
    """A crawl: `running`, `succeeded` with the tables it made, or `failed` with a reason."""

    name: str
    state: str
    tables: tuple[Table, ...] = ()
    error: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True)
class CsvClassifier:
    """What a crawl is told of CSV files: one header line, these names, comma and double quote, the SerDe, which types to look for."""

    header: tuple[str, ...]
    serde: SerdeName
    datatypes: tuple[str, ...]


class CatalogConflict(Exception):
    """The table is at another version than the caller saw."""


class Catalog(Protocol):
    """Databases, tables and crawls."""

    def list_databases(self) -> Sequence[CatalogDatabase]:
        """Return the databases that users may see, by name."""
        ...

    def find_database(self, name: str) -> CatalogDatabase | None:
        """Return a database that users may see, or None."""
        ...

    def list_tables(self, database: str) -> Sequence[Table]:
        """Return a database's tables, by name."""
        ...

    def find_table(self, database: str, name: str) -> Table | None:
        """Return a table, or None."""
        ...

    def put_table(self, table: Table, *, expected_version: str | None) -> Table:
        """Make or replace a table in one step; `expected_version` None means that there is none yet. Raise CatalogConflict."""
        ...

    def drop_table(self, database: str, name: str) -> None:
        """Take a table away; twice does no harm."""
        ...

    def start_crawl(self, name: str, *, location: str, database: str, table_prefix: str, classifier: CsvClassifier | None = None) -> None:
        """Start the crawl of a location into a staging database, with a classifier of its own; one that exists under this name is joined."""
        ...

    def find_crawl(self, name: str) -> Crawl | None:
        """Return how a crawl stands, or None."""
        ...

    def delete_crawl(self, name: str) -> None:
        """Forget a crawl and its staging tables; twice does no harm."""
        ...
