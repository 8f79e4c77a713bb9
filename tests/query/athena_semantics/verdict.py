"""What the embedded engine makes of a case: right, refused by name, or wrong; through the real engine and its stored result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from services.query.engines.duckdb import DuckDbEngine, Limits
from services.query.engines.port import Order
from services.query.results import write_result
from services.shared.catalog.port import CatalogDatabase, Column, Table
from services.shared.errors import Problem
from services.shared.results import ResultMeta, csv_key, index_key, read_page, read_rows
from services.shared.storage.folder import FolderStorage
from tests.query.athena_semantics.case import Case, Row

_NUMBERS = Table("sales", "numbers", (Column("id", "bigint"), Column("name", "string"), Column("ratio", "double")), "tables/numbers/", "parquet")
_REFUSALS = ("unsupported_on_embedded",)
_PREFIX = "results/1/"


class Verdict(StrEnum):
    """The three outcomes; the third is a defect."""

    RIGHT = "right"
    REFUSED = "refused"
    WRONG = "wrong"


@dataclass(frozen=True)
class Outcome:
    """A verdict, and in words what came instead of the answer."""

    verdict: Verdict
    said: str = ""


class Catalog:
    """One table."""

    def list_databases(self) -> Sequence[CatalogDatabase]:
        return [CatalogDatabase("sales", "")]

    def list_tables(self, database: str) -> Sequence[Table]:
        return [_NUMBERS] if database == "sales" else []

    def find_table(self, database: str, name: str) -> Table | None:
        return _NUMBERS if (database, name) == ("sales", "numbers") else None


class Bench:
    """An engine over one table in a folder."""

    def __init__(self, root: Path) -> None:
        self._storage = FolderStorage(root / "objects")
        folder = root / "objects" / "tables" / "numbers"
        folder.mkdir(parents=True)
        rows = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "name": ["one", None, "three"], "ratio": [0.5, float("nan"), None]})
        pq.write_table(rows, folder / "part-0.parquet")
        self._engine = DuckDbEngine(Catalog(), self._storage.engine_location, root / "spill", Limits(slots=1, memory_bytes=200 << 20, threads=1))

    def judge(self, case: Case) -> Outcome:
        """Run a case and compare type, value and NULL-ness of every cell."""
        try:
            meta, texts, cells = self._run(case.statement)
        except Problem as problem:
            return _judge_problem(case, problem)
        if case.problems:
            return Outcome(Verdict.WRONG, f"answered {texts}")
        kinds = tuple(column.type for column in meta.columns)
        if kinds != case.types or texts != case.rows:
            return Outcome(Verdict.WRONG, f"answered {kinds} {texts}")
        if [[cell is None for cell in row] for row in cells] != [[text is None for text in row] for row in case.rows]:
            return Outcome(Verdict.WRONG, f"the page holds {cells}")
        return Outcome(Verdict.RIGHT)

    def _run(self, sql: str) -> tuple[ResultMeta, tuple[Row, ...], list[list[Any]]]:
        execution = self._engine.start(Order("qry_1", sql, "sales"))
        with self._engine.open_result(execution) as result:
            meta = write_result(self._storage, _PREFIX, result.columns, result.batches)
        self._engine.forget(execution)

        def open_range(begin: int, _end: int) -> Any:
            stream = self._storage.open_read(csv_key(_PREFIX))
            stream.seek(begin)
            return stream

        with self._storage.open_read(index_key(_PREFIX)) as index:
            cells = read_page(open_range, meta, index.read(), start_row=0, limit=1000)
        with self._storage.open_read(csv_key(_PREFIX)) as stream:
            texts = tuple(tuple(row) for row in read_rows(stream, meta.size))[1:]
        return meta, texts, cells


def _judge_problem(case: Case, problem: Problem) -> Outcome:
    said = f"{problem.code}: {problem.detail}"
    if problem.code in _REFUSALS:
        return Outcome(Verdict.REFUSED, str(problem.detail))
    return Outcome(Verdict.RIGHT if problem.code in case.problems else Verdict.WRONG, said)
