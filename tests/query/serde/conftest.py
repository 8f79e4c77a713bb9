"""A table over bytes: what the embedded engine reads from a text file under a SerDe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from services.query.engines.duckdb import DuckDbEngine, Limits
from services.query.engines.port import Order
from services.shared.catalog.port import CatalogDatabase, Column, Table
from services.shared.catalog.serde import HEADER_LINES, LIBRARIES, Serde, SerdeName, stored_as
from services.shared.storage.folder import FolderStorage

Rows = list[tuple[Any, ...]]
Read = Callable[..., Rows]


class TextLake:
    """A folder of text files, one table over them."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "objects" / "t"
        self._folder.mkdir(parents=True)
        self._table: Table | None = None
        self.engine = DuckDbEngine(self, FolderStorage(root / "objects").engine_location, root / "spill", Limits(slots=1, memory_bytes=200 << 20))

    def list_databases(self) -> Sequence[CatalogDatabase]:
        return [CatalogDatabase("d", "")]

    def list_tables(self, database: str) -> Sequence[Table]:
        return [self._table] if self._table and database == "d" else []

    def find_table(self, database: str, name: str) -> Table | None:
        return self._table if database == "d" and name == "t" else None

    def read(self, serde: SerdeName, data: bytes | Sequence[bytes], types: Sequence[str], *, header: int = 0, sql: str = "", **more: Any) -> Rows:
        """Return the rows; `properties` are the SerDe's instead of those that Headwater writes."""
        for old in self._folder.iterdir():
            old.unlink()
        for number, content in enumerate([data] if isinstance(data, bytes) else data):
            (self._folder / f"part-{number}.csv").write_bytes(content)
        properties: Mapping[str, str] | None = more.get("properties")
        described = stored_as("csv", serde).serde if properties is None else Serde(LIBRARIES[serde], properties)
        columns = tuple(Column(f"c{n}", kind) for n, kind in enumerate(types))
        self._table = Table("d", "t", columns, "t/", "csv", serde=described, parameters={HEADER_LINES: str(header)})
        execution = self.engine.start(Order("qry_1", sql or "SELECT * FROM t", "d"))
        with self.engine.open_result(execution) as result:
            batches = list(result.batches)
        self.statistics = self.engine.statistics(execution)
        return [tuple(row.values()) for row in pa.Table.from_batches(batches).to_pylist()] if batches else []


@pytest.fixture
def text_lake(tmp_path: Path) -> TextLake:
    return TextLake(tmp_path)


@pytest.fixture
def read(text_lake: TextLake) -> Read:
    return text_lake.read
