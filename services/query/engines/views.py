"""The tables of one query as DuckDB sees them: a view per table, over the files of its location and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from services.shared.catalog.port import Table
from services.shared.errors import UnsupportedOnEmbedded
from services.shared.sql.names import quoted, text
from services.shared.sql.types import duckdb_type, parse_athena_type

Locate = Callable[[str], str]


def table_files(folder: str) -> list[str]:
    """Return a table's files: all below its folder, without those Athena skips (`_…`, `.…`)."""
    found: list[str] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(("_", ".")))
        found += [str(Path(parent, name)) for name in sorted(names) if not name.startswith(("_", "."))]
    return found


def create_views(connection: Any, tables: Sequence[Table], locate: Locate) -> dict[str, list[str]]:
    """Create `database.table` for each table; return the files of each."""
    files: dict[str, list[str]] = {}
    for schema in sorted({t.database for t in tables}):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    for table in tables:
        if table.format != "parquet":
            raise UnsupportedOnEmbedded(f"{table.database}.{table.name} is stored as {table.format}; the embedded engine reads Parquet.")
        name = f"{quoted(table.database)}.{quoted(table.name)}"
        files[name] = table_files(locate(table.location))
        connection.execute(f"CREATE VIEW {name} AS {_select(table, files[name])}")
    return files


def _select(table: Table, files: Sequence[str]) -> str:
    columns = []
    for column in (*table.columns, *table.partition_keys):
        kind = parse_athena_type(column.type)
        if kind is None:
            raise UnsupportedOnEmbedded(f"The type {column.type} of column {column.name} is not supported on the embedded engine.")
        source = quoted(column.name) if files else "NULL"
        columns.append(f"CAST({source} AS {duckdb_type(kind)}) AS {quoted(column.name)}")
    if not files:
        return f"SELECT {', '.join(columns)} WHERE FALSE"
    partitioned = "true" if table.partition_keys else "false"
    listed = ", ".join(text(file) for file in files)
    return f"SELECT {', '.join(columns)} FROM read_parquet([{listed}], hive_partitioning={partitioned})"  # noqa: S608 - built from bound parts, quoted names and texts
