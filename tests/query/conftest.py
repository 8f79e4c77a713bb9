"""A lake of two Parquet tables in a folder, and the engine over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.query.engines.duckdb import DuckDbEngine, Limits
from services.query.engines.port import Order
from services.query.results import write_result
from services.shared.catalog.port import CatalogDatabase, Column, Table
from services.shared.results import ResultMeta, csv_key, index_key, read_page
from services.shared.storage.folder import FolderStorage

ROWS = 40_000
GROUP_ROWS = 10_000
_TYPES = {"id": "bigint", "name": "string", "price": "decimal(12,2)", "ratio": "double", "day": "date", "at": "timestamp"}


@dataclass(frozen=True)
class Lake:
    """Objects, a catalog over them, and an engine over both."""

    storage: FolderStorage
    engine: DuckDbEngine
    root: Path
    tables: dict[str, Table]

    def list_databases(self) -> Sequence[CatalogDatabase]:
        return [CatalogDatabase("sales", "")]

    def list_tables(self, database: str) -> Sequence[Table]:
        return list(self.tables.values()) if database == "sales" else []

    def find_table(self, database: str, name: str) -> Table | None:
        return self.tables.get(name) if database == "sales" else None


def items(count: int) -> pa.Table:
    numbers = range(count)
    return pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "name": [None if i % 5 == 0 else "" if i % 5 == 1 else f'é "{i}",\n' for i in numbers],
            "price": pa.array([Decimal(i) / 100 for i in numbers], pa.decimal128(12, 2)),
            "ratio": pa.array([i * 1e4 / 7 for i in numbers], pa.float64()),
            "day": pa.array([date(2020, 1, 1) + timedelta(i % 1000) for i in numbers], pa.date32()),
            "at": pa.array([datetime(2020, 1, 1) + timedelta(milliseconds=i) for i in numbers], pa.timestamp("ms")),
        }
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    storage = FolderStorage(tmp_path / "objects")
    folder = tmp_path / "objects" / "ws" / "tables" / "items"
    folder.mkdir(parents=True)
    pq.write_table(items(ROWS), folder / "part-0.parquet", row_group_size=GROUP_ROWS)
    (folder / "_temporary").write_bytes(b"not parquet")
    columns = tuple(Column(n, k) for n, k in _TYPES.items())
    tables = {
        "items": Table("sales", "items", columns, "ws/tables/items/", "parquet"),
        "empty": Table("sales", "empty", columns, "ws/tables/empty/", "parquet"),
        "lines": Table("sales", "lines", columns, "ws/tables/lines/", "orc"),
    }
    known = Lake(storage, None, tmp_path, tables)  # type: ignore[arg-type]
    engine = DuckDbEngine(known, storage.engine_location, tmp_path / "spill", Limits(slots=2, memory_bytes=200 << 20, threads=2))
    return Lake(storage, engine, tmp_path, tables)


@pytest.fixture
def run(lake: Lake) -> Callable[..., tuple[ResultMeta, list[list[Any]]]]:
    """Run a statement to its stored result; return the metadata and the first rows."""

    def go(sql: str, **order: Any) -> tuple[ResultMeta, list[list[Any]]]:
        execution = lake.engine.start(Order("qry_1", sql, "sales", **order))
        with lake.engine.open_result(execution) as result:
            meta = write_result(lake.storage, "results/1/", result.columns, result.batches)
        return meta, page(lake, meta, 0, 1000)

    return go


def page(lake: Lake, meta: ResultMeta, start: int, limit: int) -> list[list[Any]]:
    def open_range(begin: int, _end: int) -> Any:
        stream = lake.storage.open_read(csv_key("results/1/"))
        stream.seek(begin)
        return stream

    with lake.storage.open_read(index_key("results/1/")) as index:
        return read_page(open_range, meta, index.read(), start_row=start, limit=limit)
