"""CSV files as Athena's SerDes read them, in DuckDB's SQL: lines whole, cells cut from them, and types read from the cells.

DuckDB's own CSV reader only finds the lines here; its ways with quotes, escapes, empty lines and NULLs are not a SerDe's. What each SerDe does,
with the sources, is told in `docs/csv-tables.md`, and held by `tests/query/serde/`.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.query.engines import lazy_simple, open_csv
from services.shared.catalog.port import Column, Table
from services.shared.catalog.serde import HEADER_LINES, LIBRARIES, LONGEST_LINE_BYTES, SerdeName
from services.shared.errors import UnsupportedOnEmbedded
from services.shared.sql.names import quoted, text
from services.shared.sql.types import duckdb_type, parse_athena_type

BUFFER_BYTES = 2 * LONGEST_LINE_BYTES
_SERDES = {library: name for name, library in LIBRARIES.items()}


def select_text(table: Table, files: Sequence[str]) -> str:
    """Return the SELECT of a table's columns from its text files."""
    serde = _SERDES.get(table.serde.library) if table.serde else None
    if table.serde is None or serde is None:
        named = table.serde.library if table.serde else "no SerDe"
        raise UnsupportedOnEmbedded(f"{table.database}.{table.name} is {table.format} with {named}, which the embedded engine does not read.")
    reader = lazy_simple if serde is SerdeName.LAZY_SIMPLE else open_csv
    cells = reader.cells("line", table.serde.parameters)
    columns = ", ".join(f"{_typed(reader.value(f'cells[{n}]', c.type, table.serde.parameters), c)}" for n, c in enumerate(table.columns, 1))
    keys = "".join(f", {quoted(key.name)}" for key in table.partition_keys)
    return f"SELECT {columns}{keys} FROM (SELECT {cells} AS cells{keys} FROM (SELECT coalesce(line, '') AS line{keys} FROM {_lines(table, files)}))"  # noqa: S608 - built from quoted names and texts


def _typed(value: str | None, column: Column) -> str:
    if value is None:
        raise UnsupportedOnEmbedded(f"The type {column.type} of column {column.name} is not supported in CSV on the embedded engine.")
    return f"{value} AS {quoted(column.name)}"


def _lines(table: Table, files: Sequence[str]) -> str:
    """Read each line as one value: with a line feed as the delimiter, nothing in a line can be one."""
    listed = ", ".join(text(file) for file in files)
    keys = ", ".join(f"{text(key.name)}: {text(_key_type(key))}" for key in table.partition_keys)
    partitioning = f"hive_partitioning=true, hive_types={{{keys}}}" if keys else "hive_partitioning=false"
    skipped = int(table.parameters.get(HEADER_LINES, "0"))
    return (
        f"read_csv([{listed}], auto_detect=false, columns={{'line': 'VARCHAR'}}, header=false, skip={skipped}, delim='\n', quote='', escape='', "
        f"comment='', {partitioning}, max_line_size={LONGEST_LINE_BYTES}, buffer_size={BUFFER_BYTES})"
    )


def _key_type(key: Column) -> str:
    kind = parse_athena_type(key.type)
    if kind is None:
        raise UnsupportedOnEmbedded(f"The type {key.type} of column {key.name} is not supported on the embedded engine.")
    return duckdb_type(kind)
