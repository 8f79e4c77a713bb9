"""TPC-H: its tables as CSV, five questions to them, and DuckDB's answers read straight from the files."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from math import isclose
from pathlib import Path
from typing import Any

import duckdb

TYPES = {
    "lineitem": {
        "l_orderkey": "BIGINT",
        "l_partkey": "BIGINT",
        "l_suppkey": "BIGINT",
        "l_linenumber": "BIGINT",
        "l_quantity": "BIGINT",
        "l_extendedprice": "DECIMAL(15,2)",
        "l_discount": "DECIMAL(15,2)",
        "l_tax": "DECIMAL(15,2)",
        "l_returnflag": "VARCHAR",
        "l_linestatus": "VARCHAR",
        "l_shipdate": "DATE",
        "l_commitdate": "DATE",
        "l_receiptdate": "DATE",
        "l_shipinstruct": "VARCHAR",
        "l_shipmode": "VARCHAR",
        "l_comment": "VARCHAR",
    },
    "orders": {
        "o_orderkey": "BIGINT",
        "o_custkey": "BIGINT",
        "o_orderstatus": "VARCHAR",
        "o_totalprice": "DECIMAL(15,2)",
        "o_orderdate": "DATE",
        "o_orderpriority": "VARCHAR",
        "o_clerk": "VARCHAR",
        "o_shippriority": "BIGINT",
        "o_comment": "VARCHAR",
    },
    "customer": {
        "c_custkey": "BIGINT",
        "c_name": "VARCHAR",
        "c_address": "VARCHAR",
        "c_nationkey": "BIGINT",
        "c_phone": "VARCHAR",
        "c_acctbal": "DECIMAL(15,2)",
        "c_mktsegment": "VARCHAR",
        "c_comment": "VARCHAR",
    },
    "nation": {"n_nationkey": "BIGINT", "n_name": "VARCHAR", "n_regionkey": "BIGINT", "n_comment": "VARCHAR"},
    "region": {"r_regionkey": "BIGINT", "r_name": "VARCHAR", "r_comment": "VARCHAR"},
    "supplier": {
        "s_suppkey": "BIGINT",
        "s_name": "VARCHAR",
        "s_address": "VARCHAR",
        "s_nationkey": "BIGINT",
        "s_phone": "VARCHAR",
        "s_acctbal": "DECIMAL(15,2)",
        "s_comment": "VARCHAR",
    },
    "part": {
        "p_partkey": "BIGINT",
        "p_name": "VARCHAR",
        "p_mfgr": "VARCHAR",
        "p_brand": "VARCHAR",
        "p_type": "VARCHAR",
        "p_size": "BIGINT",
        "p_container": "VARCHAR",
        "p_retailprice": "DECIMAL(15,2)",
        "p_comment": "VARCHAR",
    },
    "partsupp": {
        "ps_partkey": "BIGINT",
        "ps_suppkey": "BIGINT",
        "ps_availqty": "BIGINT",
        "ps_supplycost": "DECIMAL(15,2)",
        "ps_comment": "VARCHAR",
    },
}
BENCHMARK = sorted((Path(__file__).parent / "benchmark").glob("q*.sql"))
_TOLERANCE = 1e-9
_ATHENA = {"BIGINT": "bigint", "VARCHAR": "string", "DATE": "date"}


@dataclass(frozen=True)
class Question:
    """The same question for Athena and for DuckDB; `means` turns an oracle's sum and count into Trino's average (scale 2 at most)."""

    name: str
    athena: str
    oracle: str
    means: tuple[tuple[int, int, int], ...] = ()


_VOLUME = "sum(l_extendedprice * (1 - l_discount))"
_TOP = f"""
WITH spent AS (
    SELECT n_name, c_custkey, c_name, {_VOLUME} AS revenue
    FROM lineitem JOIN orders ON l_orderkey = o_orderkey JOIN customer ON o_custkey = c_custkey JOIN nation ON c_nationkey = n_nationkey
    WHERE l_returnflag = 'R'
    GROUP BY n_name, c_custkey, c_name
), ranked AS (
    SELECT n_name, c_name, revenue, row_number() OVER (PARTITION BY n_name ORDER BY revenue DESC, c_custkey) AS place,
        revenue - max(revenue) OVER (PARTITION BY n_name) AS behind
    FROM spent
)
SELECT n_name, place, c_name, revenue, behind FROM ranked WHERE place <= 3 ORDER BY n_name, place"""
_SHIPPING = """
SELECT l_shipmode, {year} AS received, sum(CASE WHEN o_orderpriority IN ('1-URGENT', '2-HIGH') THEN 1 ELSE 0 END) AS high,
    count(DISTINCT o_custkey) AS customers, max({late}) AS latest, min(l_extendedprice) AS cheapest, max(l_comment) AS last_words
FROM orders JOIN lineitem ON o_orderkey = l_orderkey
WHERE l_shipmode IN ('MAIL', 'SHIP', 'AIR') AND l_commitdate < l_receiptdate AND l_shipdate < l_commitdate
GROUP BY l_shipmode, {year}
HAVING count(*) > 2
ORDER BY l_shipmode, received"""
_MONTHS = """
WITH months AS (
    SELECT {month} AS month, sum(o_totalprice) AS total, count(*) AS number FROM orders LEFT JOIN customer ON c_custkey = o_custkey
    WHERE c_mktsegment = 'BUILDING' GROUP BY {month}
)
SELECT month, number, total, sum(total) OVER (ORDER BY month) AS so_far, lag(total) OVER (ORDER BY month) AS before,
    rank() OVER (ORDER BY total DESC, month) AS place
FROM months ORDER BY month"""
QUESTIONS = (
    Question(
        "pricing",
        f"""
SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice), {_VOLUME}, sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)),
    avg(l_extendedprice), avg(l_discount), count(*)
FROM lineitem WHERE l_shipdate <= DATE '1998-12-01' - INTERVAL '90' DAY
GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus""",
        f"""
SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice), {_VOLUME}, sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)),
    sum(l_extendedprice), sum(l_discount), count(*)
FROM lineitem WHERE l_shipdate <= DATE '1998-09-02'
GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus""",
        means=((6, 8, 2), (7, 8, 2)),
    ),
    Question(
        "unshipped",
        f"""
SELECT l_orderkey, {_VOLUME} AS revenue, o_orderdate, o_shippriority
FROM customer, orders, lineitem
WHERE c_mktsegment = 'BUILDING' AND c_custkey = o_custkey AND l_orderkey = o_orderkey
    AND o_orderdate < DATE '1995-03-15' AND l_shipdate > DATE '1995-03-15'
GROUP BY l_orderkey, o_orderdate, o_shippriority ORDER BY revenue DESC, o_orderdate, l_orderkey LIMIT 20""",
        f"""
SELECT l_orderkey, {_VOLUME} AS revenue, o_orderdate, o_shippriority
FROM lineitem JOIN orders ON l_orderkey = o_orderkey JOIN customer ON c_custkey = o_custkey
WHERE c_mktsegment = 'BUILDING' AND o_orderdate < '1995-03-15'::DATE AND l_shipdate > '1995-03-15'::DATE
GROUP BY ALL ORDER BY revenue DESC, o_orderdate, l_orderkey LIMIT 20""",
    ),
    Question("best customers", _TOP, _TOP),
    Question(
        "months",
        _MONTHS.format(month="CAST(date_trunc('month', o_orderdate) AS date)"),
        _MONTHS.format(month="make_date(year(o_orderdate), month(o_orderdate), 1)"),
    ),
    Question(
        "shipping",
        _SHIPPING.format(year="year(l_receiptdate)", late="date_diff('day', l_commitdate, l_receiptdate)"),
        _SHIPPING.format(year="year(l_receiptdate)", late="l_receiptdate - l_commitdate"),
    ),
)


def generate(folder: Path, *, scale: float) -> dict[str, Path]:
    """Write the tables as CSV."""
    command = [str(Path(sys.executable).with_name("tpchgen-cli")), "csv", "-s", str(scale), "-o", str(folder), "-T", ",".join(TYPES)]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    return {table: folder / f"{table}.csv" for table in TYPES}


def open_oracle(paths: dict[str, Path], spill: Path) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB whose tables are the files, with every type said."""
    oracle = duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(spill)})
    for table, path in paths.items():
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in TYPES[table].items())
        options = f"columns = {{{columns}}}, header = true, delim = ',', quote = '\"', escape = '\"', auto_detect = false"
        oracle.execute(f"CREATE TABLE {table} AS SELECT * FROM read_csv('{path}', {options})")
    return oracle


def expected(oracle: duckdb.DuckDBPyConnection, question: Question) -> list[tuple[Any, ...]]:
    """Return what the files themselves answer."""
    rows = []
    for row in oracle.execute(question.oracle).fetchall():
        cells = list(row)
        for total, count, scale in question.means:
            cells[total] = (Decimal(row[total]) / row[count]).quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP)
        rows.append(tuple(cells))
    return rows


def athena_kind(declared: str) -> str:
    """Return the family of Athena's type for one of ours."""
    return _ATHENA.get(declared, "decimal")


def same(ours: list[list[Any]], theirs: list[tuple[Any, ...]]) -> bool:
    """Tell whether an answer has the rows of the other, in its order."""
    return len(ours) == len(theirs) and all(
        _same_cell(a, b) for one, other in zip(ours, theirs, strict=True) for a, b in zip(one, other, strict=True)
    )


def _same_cell(ours: Any, theirs: Any) -> bool:
    """Compare as numbers what is a number; Trino rounds a mean of decimals to the scale of its values."""
    if ours is None or theirs is None:
        return ours is theirs
    if isinstance(theirs, float):
        rounded = isinstance(ours, str) and "." in ours
        return isclose(float(ours), theirs, rel_tol=_TOLERANCE) or (rounded and abs(Decimal(ours) - Decimal(theirs)) <= Decimal("0.005001"))
    if isinstance(theirs, int | Decimal):
        return Decimal(ours) == Decimal(theirs)
    return str(ours) == str(theirs)
