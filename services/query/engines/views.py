"""The tables of one query as DuckDB sees them: a view per table, over the files of its location and nothing else.

Partition keys are read from the folders' names as their types, and a predicate on them leaves the files of other partitions unread.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from services.query.engines import open_csv
from services.query.engines.text_files import select_text
from services.shared.catalog.port import Column, Table
from services.shared.errors import UnsupportedOnEmbedded
from services.shared.sql.names import quoted, text
from services.shared.sql.types import duckdb_type, parse_athena_type

Locate = Callable[[str], str]
_QUOTED = re.compile(r'"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\'')


def table_files(folder: str) -> list[str]:
    """Return a table's files: all below its folder, without those Athena skips (`_…`, `.…`)."""
    found: list[str] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(("_", ".")))
        found += [str(Path(parent, name)) for name in sorted(names) if not name.startswith(("_", "."))]
    return found


def create_views(connection: Any, tables: Sequence[Table], locate: Locate, *, query: str | None = None) -> dict[str, list[str]]:
    """Create `database.table` for each table; return the files of each.

    With a `query`, the views have the columns that it names and no others: DuckDB binds every column of a view, used or not.
    """
    named = None if query is None else _identifiers(query)
    files: dict[str, list[str]] = {}
    for schema in sorted({t.database for t in tables}):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    if any(table.format == "csv" for table in tables):
        open_csv.install(connection)
    for table in tables:
        if table.format not in ("parquet", "csv"):
            raise UnsupportedOnEmbedded(f"{table.database}.{table.name} is stored as {table.format}; the embedded engine reads Parquet and CSV.")
        name = f"{quoted(table.database)}.{quoted(table.name)}"
        files[name] = table_files(locate(table.location))
        connection.execute(f"CREATE VIEW {name} AS {_select(table, files[name], named)}")
    return files


def _identifiers(query: str) -> frozenset[str]:
    """Return what DuckDB text names in double quotes, as every column of a table is named."""
    return frozenset(found[1:-1].replace('""', '"').lower() for found in _QUOTED.findall(query) if found[0] == '"')


def _select(table: Table, files: Sequence[str], named: frozenset[str] | None) -> str:
    every = (*table.columns, *table.partition_keys)
    wanted = [column for column in every if named is None or column.name.lower() in named] or every[:1]
    columns = ", ".join(f"CAST({quoted(c.name) if files else 'NULL'} AS {_type_of(c)}) AS {quoted(c.name)}" for c in wanted)
    if not files:
        return f"SELECT {columns} WHERE FALSE"
    if table.format == "csv":
        return select_text(table, files)
    listed = ", ".join(text(file) for file in files)
    keys = ", ".join(f"{text(key.name)}: {text(_type_of(key))}" for key in table.partition_keys)
    partitioning = f"hive_partitioning=true, hive_types={{{keys}}}" if keys else "hive_partitioning=false"
    return f"SELECT {columns} FROM read_parquet([{listed}], {partitioning})"  # noqa: S608 - built from bound parts, quoted names and texts


def _type_of(column: Column) -> str:
    kind = parse_athena_type(column.type)
    if kind is None:
        raise UnsupportedOnEmbedded(f"The type {column.type} of column {column.name} is not supported on the embedded engine.")
    return duckdb_type(kind)
