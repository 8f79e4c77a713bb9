"""The meter: how many bytes of the tables' files a running query has read, from DuckDB's own log of its file system."""

from __future__ import annotations

from typing import Any

import duckdb

METER_READS = "CALL enable_logging('FileSystem', level='trace')"
_READ = "SELECT coalesce(sum(bytes), 0) FROM duckdb_logs_parsed('FileSystem') WHERE op = 'READ' AND NOT starts_with(path, ?)"


class ReadMeter:
    """Reads the log through a connection of its own, while the query has the other one."""

    def __init__(self, connection: Any, *, spill: str) -> None:
        self._cursor: Any = connection.cursor()
        self._spill = spill
        self._last = 0

    def read_bytes(self) -> int:
        """Return the bytes read so far; what it last was where the log can't be read just now."""
        try:
            self._last = int(self._cursor.execute(_READ, [self._spill]).fetchone()[0])
        except duckdb.Error:
            return self._last
        return self._last
