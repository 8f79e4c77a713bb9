"""The result of a query: rows as Python's values, an Arrow table, a DataFrame, a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.client.downloads import Downloads, Wanted
from headwater.client.models import Query, ResultColumn
from headwater.client.queries import Queries
from headwater.client.sending import Report
from headwater.client.values import readers

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class Result:
    """What a query returned; nothing is fetched before it is asked for."""

    def __init__(self, query: Query, queries: Queries, downloads: Downloads) -> None:
        self.query = query
        self._queries = queries
        self._downloads = downloads

    @property
    def columns(self) -> list[ResultColumn]:
        """The columns, their types in Athena's words."""
        return self.query["columns"] or []

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Give the rows, a page at a time: int, Decimal, float, bool, date, datetime, str, and None for NULL."""
        for page in self._queries.pages(self.query["id"], rows=10_000):
            reading = readers(page["columns"])
            for row in page["rows"]:
                yield tuple(read(value) for read, value in zip(reading, row, strict=True))

    def to_arrow(self) -> pa.Table:
        """Return the whole result as an Arrow table with exact types (needs pyarrow)."""
        import pyarrow.parquet as pq

        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "result.parquet"
            self.download(file, format="parquet")
            return pq.read_table(file)

    def to_pandas(self) -> pd.DataFrame:
        """Return the whole result as a DataFrame of Arrow's types: integers with NULL stay integers, decimals decimals (needs pandas, pyarrow)."""
        import pandas as pd

        frame: pd.DataFrame = self.to_arrow().to_pandas(types_mapper=pd.ArrowDtype)
        return frame

    def download(self, path: str | Path, *, format: str = "csv", safe: str | None = None, report: Report | None = None) -> int:  # noqa: A002
        """Write the whole result into a file: csv, parquet, jsonl, xlsx; a broken download goes on. Return its size."""
        return self._downloads.to_file(Wanted(self.query["id"], format, safe), Path(path), report=report)
