"""A catalog of two tables, and DuckDB holding the same rows, so that every answer is one that was really computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import duckdb
import pytest

from services.shared.catalog.port import CatalogDatabase, Column, Table
from services.shared.sql.guard import parse_statement
from services.shared.sql.translate import Translation, translate

_COLUMNS = {
    "a": "int", "b": "bigint", "d": "double", "s": "string", "dt": "date", "ts": "timestamp", "dec": "decimal(10,2)", "x": "boolean",
    "arr": "array<int>", "m": "map<string,bigint>",
}  # fmt: skip
_ROWS = """
INSERT INTO sales.t VALUES
 (7, 2, 1.5, 'hello', DATE '2020-01-31', TIMESTAMP '2020-01-31 10:11:12.345', 12.34, TRUE, [3, 1, NULL], MAP{'k': 5}),
 (-7, 2, 'nan', ' x', DATE '2021-02-28', TIMESTAMP '1969-12-31 23:59:59.999', -0.05, FALSE, [], MAP{}),
 (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO sales.u VALUES (7, 'seven'), (8, 'eight');
"""


class Catalog:
    """Two tables, and what a test adds."""

    def __init__(self) -> None:
        t = Table("sales", "t", tuple(Column(n, k) for n, k in _COLUMNS.items()), "tables/t/", "parquet")
        u = Table("sales", "u", (Column("a", "int"), Column("name", "string", "Name")), "tables/u/", "parquet")
        self._tables = {"t": t, "u": u}

    def add(self, table: Table) -> None:
        self._tables[table.name] = table

    def list_databases(self) -> Sequence[CatalogDatabase]:
        return [CatalogDatabase("sales", "")]

    def list_tables(self, database: str) -> Sequence[Table]:
        return list(self._tables.values()) if database == "sales" else []

    def find_table(self, database: str, name: str) -> Table | None:
        return self._tables.get(name) if database == "sales" else None


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
def translated(catalog: Catalog) -> Callable[[str], Translation]:
    return lambda sql: translate(parse_statement(sql), catalog, database="sales")


@pytest.fixture(scope="session")
def connection() -> Iterator[Any]:
    held = duckdb.connect(":memory:")
    held.execute("SET TimeZone='UTC'")
    written = ", ".join(f"{n} {k}" for n, k in _COLUMNS.items()).replace("array<int>", "INT[]").replace("map<string,bigint>", "MAP(VARCHAR, BIGINT)")
    held.execute(f"CREATE SCHEMA sales; CREATE TABLE sales.t ({written}); CREATE TABLE sales.u (a INT, name VARCHAR)")
    held.execute(_ROWS)
    yield held
    held.close()


@pytest.fixture
def rows(connection: Any, translated: Callable[[str], Translation]) -> Callable[[str], list[tuple[Any, ...]]]:
    return lambda sql: connection.execute(translated(sql).sql).fetchall()


@pytest.fixture
def types(translated: Callable[[str], Translation]) -> Callable[[str], list[str]]:
    return lambda sql: [column.type for column in translated(sql).columns]
