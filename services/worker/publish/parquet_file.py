"""A table's Parquet file, written row group after row group as every Athena engine reads it.

zstd, data pages of version 1, PLAIN and dictionary encoding only (a dictionary where the profile says that it pays), timestamps as
INT64 milliseconds, no Arrow schema in the footer; the same rows always give the same bytes. Doubles carry no statistics: Parquet's leave
NaN out, and an engine that takes them for bounds (DuckDB 2.0: `isnan(x)` becomes false) then answers wrongly.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from services.shared.storage.port import Storage
from services.worker.publish.table_file import TableFile, Uncarried, WrittenFile
from services.worker.publish.targets import Target, arrow_schema
from services.worker.unfinished import Unfinished

ZSTD_LEVEL = 3
PAGE_BYTES = 1 << 20


class ParquetFormat:
    """Parquet: every type, every value."""

    suffix = ".parquet"

    def begin(self, storage: Storage, key: str, targets: Sequence[Target]) -> TableFile:
        """Begin a file; columns of few values get a dictionary."""
        return ParquetFile(storage, key, arrow_schema(targets), dictionaries=[target.column.name for target in targets if target.dictionary])

    def find_uncarried(self, table: Any) -> Uncarried | None:  # noqa: ARG002 - Parquet gives every value back
        """Return None."""
        return None


PARQUET = ParquetFormat()


class ParquetFile:
    """A file being written; nothing of it exists under its key before `finish`."""

    def __init__(self, storage: Storage, key: str, schema: Any, *, dictionaries: Sequence[str]) -> None:
        self._file = Unfinished(storage, key)
        self._footers: list[Any] = []
        self._writer = pq.ParquetWriter(
            self._file.stream,
            schema,
            version="2.6",
            compression="zstd",
            compression_level=ZSTD_LEVEL,
            use_dictionary=list(dictionaries) or False,
            data_page_version="1.0",
            data_page_size=PAGE_BYTES,
            write_batch_size=16 * 1024,
            write_statistics=[field.name for field in schema if not pa.types.is_floating(field.type)],
            store_schema=False,
            store_decimal_as_integer=True,
            metadata_collector=self._footers,
        )

    @property
    def size(self) -> int:
        """How many bytes are written so far."""
        return self._file.size

    def write(self, table: Any) -> None:
        """Write a row group."""
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))

    def finish(self) -> WrittenFile:
        """Write the footer and let the object appear."""
        self._writer.close()
        size = self._file.finish()
        footer = self._footers[0]
        groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
        column_bytes = (sum(group.column(position).total_compressed_size for group in groups) for position in range(footer.num_columns))
        return WrittenFile(self._file.key, footer.num_rows, size, tuple(column_bytes))

    def abandon(self) -> None:
        """Leave nothing behind."""
        with suppress(pa.ArrowException, OSError):
            self._writer.close()
        self._file.abandon()
