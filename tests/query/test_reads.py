"""What a statement is said to read, against what the engine reads: the columns and scans of the bound cover all of it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.query.engines.port import Order
from services.shared.catalog.port import Column, Table
from services.shared.errors import ScanLimitExceeded
from services.shared.sql.guard import parse_statement
from services.shared.sql.reads import Scan
from services.shared.sql.translate import translate
from tests.query.conftest import Lake

ROWS, GROUP = 400_000, 50_000
_STATEMENTS = [
    ("SELECT count(*) FROM big", [""]),
    ("SELECT a FROM big", ["a"]),
    ("SELECT * FROM big", ["abcs"]),
    ("SELECT sum(a) FROM big WHERE b > 10", ["ab"]),
    ("SELECT x.a FROM big x JOIN big y ON x.a = y.a", ["a", "a"]),
    ("SELECT a, y.s FROM big x JOIN big y USING (a) WHERE x.b < 5", ["ab", "as"]),
    ("WITH w AS (SELECT a, b, s FROM big) SELECT a FROM w", ["a"]),
    ("WITH w AS (SELECT a, b FROM big) SELECT x.a FROM w x JOIN w y ON x.a = y.b", ["a", "b"]),
    ("WITH w AS (SELECT * FROM big) SELECT 1", []),
    ("SELECT a FROM (SELECT a, s FROM big) ORDER BY a LIMIT 5", ["a"]),
    ("SELECT a FROM (SELECT DISTINCT a, s FROM big)", ["as"]),
    ("SELECT n FROM (SELECT s, count(*) AS n, sum(b) AS t FROM big GROUP BY s)", ["s"]),
    ("SELECT n FROM (SELECT s, count(*) AS n, sum(b) AS t FROM big GROUP BY 1)", ["s"]),
    ("SELECT a FROM big UNION ALL SELECT b FROM big", ["a", "b"]),
    ("SELECT x FROM (SELECT a AS x, s FROM big UNION ALL SELECT b, s FROM big)", ["a", "b"]),
    ("SELECT x FROM (SELECT a AS x, s FROM big UNION SELECT b, s FROM big)", ["as", "bs"]),
    ("SELECT a FROM big WHERE EXISTS (SELECT 1 FROM big y WHERE y.b = 7)", ["a", "b"]),
    ("SELECT a FROM big WHERE a IN (SELECT b FROM big)", ["a", "b"]),
    ("SELECT a, (SELECT max(b) FROM big) FROM big", ["a", "b"]),
    ("SELECT a FROM big x WHERE b = (SELECT min(b) FROM big y WHERE y.a = x.a)", ["ab", "ab"]),
    ("SELECT sum(a) OVER (PARTITION BY b ORDER BY c) FROM big", ["abc"]),
    ("SELECT r FROM (SELECT a, row_number() OVER (ORDER BY b) AS r, s FROM big) WHERE r < 9", ["b"]),
    ("SELECT s FROM big ORDER BY c LIMIT 10", ["cs"]),
    ("SELECT * FROM big ORDER BY c LIMIT 10", ["abcs"]),
    ("SELECT a AS z FROM big GROUP BY a HAVING max(c) > 0.5", ["ac"]),
    ("SELECT count(DISTINCT s) FROM big", ["s"]),
    ("SELECT max(c), min(c) FROM big", ["c"]),
    ("SELECT b, count(*) FROM big GROUP BY ROLLUP (b, a)", ["ab"]),
    ("SELECT t.v FROM big CROSS JOIN UNNEST(ARRAY[a, b]) t (v)", ["ab"]),
    ("SELECT x.c FROM big x LEFT JOIN (SELECT a, max(s) AS m FROM big GROUP BY a) y ON x.a = y.a", ["ac", "a"]),
    ("SELECT x.c FROM big x LEFT JOIN (SELECT a, max(s) AS m FROM big GROUP BY a) y ON x.a = y.a WHERE y.m > 'k'", ["ac", "as"]),
    ("SELECT a FROM big EXCEPT SELECT b FROM big", ["a", "b"]),
    ("SELECT a + b AS k, count(*) FROM big WHERE s LIKE '1%' GROUP BY a + b ORDER BY 2 DESC LIMIT 3", ["abs"]),
    ("SELECT 1", []),
]


@pytest.fixture(scope="module")
def chunks() -> dict[str, int]:
    """The compressed bytes of each column, filled by the first test."""
    return {}


@pytest.fixture
def big(lake: Lake, chunks: dict[str, int]) -> Lake:
    """The lake with a table large enough that its columns outweigh its footer."""
    folder = lake.root / "objects" / "ws" / "tables" / "big"
    folder.mkdir(parents=True)
    numbers = range(ROWS)
    table = pa.table(
        {
            "a": pa.array(numbers, pa.int64()),
            "b": pa.array([n * 7919 % 100_003 for n in numbers], pa.int64()),
            "c": pa.array([n * 0.618 % 1 for n in numbers]),
            "s": pa.array([str(n * 31 % 50_021) for n in numbers]),
        }
    )
    pq.write_table(table, folder / "part-0.parquet", row_group_size=GROUP)
    footer = pq.read_metadata(folder / "part-0.parquet")
    for group in range(footer.num_row_groups):
        for index, name in enumerate("abcs"):
            chunks[name] = chunks.get(name, 0) * (group > 0) + footer.row_group(group).column(index).total_compressed_size
    columns = (Column("a", "bigint"), Column("b", "bigint"), Column("c", "double"), Column("s", "string"))
    lake.tables["big"] = Table("sales", "big", columns, "ws/tables/big/", "parquet")
    return lake


def test_the_scans_cover_what_the_engine_reads(big: Lake, chunks: dict[str, int]) -> None:
    """For each statement the scans have the columns expected, and the engine reads no more than the bound."""
    for sql, wanted in _STATEMENTS:
        scans: tuple[Scan, ...] = translate(parse_statement(sql), big, database="sales").scans
        assert sorted("".join(scan.columns) for scan in scans) == sorted(wanted), sql
        assert read(big, sql) <= sum(most(scan, chunks) for scan in scans), sql


def test_a_query_that_reads_too_much_is_stopped(big: Lake) -> None:
    """A limit that no bound keeps ends the query with both figures; one above what is read does not."""
    everything = read(big, "SELECT * FROM big")
    with pytest.raises(ScanLimitExceeded, match=f"allows {everything // 4:,}"):
        read(big, "SELECT * FROM big", max_bytes_scanned=everything // 4)
    assert 0 < read(big, "SELECT * FROM big", max_bytes_scanned=2 * everything) <= 2 * everything


def most(scan: Scan, chunks: dict[str, int]) -> float:
    """Return the bound of a scan: its chunks, the gaps between them, a row group that two threads begin, the footer."""
    groups, needed = ROWS // GROUP, sum(chunks[name] for name in scan.columns)
    gaps = 16_384 * groups * max(0, len(scan.columns) - 1)
    return (needed + gaps) / 0.95 + needed / groups + 40_000


def read(lake: Lake, sql: str, **order: Any) -> int:
    """Run a statement and return the bytes that the engine read."""
    execution = lake.engine.start(Order("q", sql, "sales", **order))
    with lake.engine.open_result(execution) as result:
        for _ in result.batches:
            continue
    return lake.engine.statistics(execution).bytes_scanned or 0
