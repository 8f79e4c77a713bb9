"""P18 and P21: TPC-H as CSV through the whole product, its 22 questions against DuckDB on Parquet of its own, in turns.

`python -m bench.tpch [--scale 0.2] [--rounds 3] [--full]`. The questions are the benchmark's (TPC Benchmark H, section 2.4) with the values it
validates by, in Athena's SQL, read by both engines; 8 and 14 divide doubles, for Trino's quotient of decimals has four digits. A time is from the
question's submission to its known end with the result stored and read. DuckDB has two threads, no other limit, and fetches its rows. P18 is the same
for single scans of the largest table, and adds DuckDB on the CSV.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from bench.kept import keep
from tests.e2e.tpch import BENCHMARK, TYPES, generate, same
from tests.stack import FAST, Stack, running

SCANS = (
    "SELECT count(*) FROM lineitem",
    "SELECT sum(l_extendedprice), min(l_shipdate), max(l_shipdate) FROM lineitem",
    "SELECT l_shipmode, count(*), sum(l_quantity) FROM lineitem GROUP BY l_shipmode ORDER BY l_shipmode",
    "SELECT count(*) FROM lineitem WHERE l_comment LIKE '%furiously%'",
    "SELECT count(DISTINCT l_partkey) FROM lineitem",
)


def main() -> None:
    """Load, ask, compare, print the rows, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--full", action="store_const", const=1.0, dest="scale", help="scale factor 1")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder, running(Path(folder) / "home", **FAST) as stack:
        paths = generate(Path(folder) / "csv", scale=asked.scale)
        loaded_s = _load(stack, paths)
        print(f"loaded scale {asked.scale:g} in {loaded_s:.0f} s", flush=True)
        parquet, csv = _open(paths, Path(folder) / "parquet"), _open(paths)
        _p21(stack, parquet, asked.scale, asked.rounds, loaded_s)
        _p18(stack, parquet, csv, asked.scale, asked.rounds)


def _p21(stack: Stack, oracle: Any, scale: float, rounds: int, loaded_s: float) -> None:
    kept: dict[str, Any] = {}
    right = 0
    for path in BENCHMARK:
        sql = path.read_text()
        ours, theirs, answers = _take_turns(partial(_ask, stack, sql), partial(_fetch, oracle, sql), rounds)
        matches = same(*answers)
        right += matches
        kept[path.stem] = {"right": matches, "headwater_s": ours, "duckdb_s": theirs}
        print(
            f"{path.stem}  {'right' if matches else 'WRONG'}  {ours * 1000:6.0f} ms  DuckDB {theirs * 1000:6.0f} ms  {ours / theirs:.2f} ×",
            flush=True,
        )
    ratio = sum(one["headwater_s"] for one in kept.values()) / sum(one["duckdb_s"] for one in kept.values())
    print(
        f"| P21 | TPC-H at {scale:g}, {rounds} rounds | {right} of {len(BENCHMARK)} right, sum of times {ratio:.2f} × | target 22 of 22, ≤ 1.2 × |",
        flush=True,
    )
    keep("P21", {"scale": scale, "rounds": rounds, "loaded_s": loaded_s, "right": right, "ratio": ratio, "questions": kept})


def _p18(stack: Stack, parquet: Any, csv: Any, scale: float, rounds: int) -> None:
    kept = {}
    for sql in SCANS:
        ours, theirs, answers = _take_turns(partial(_ask, stack, sql), partial(_fetch, parquet, sql), rounds)
        from_csv = _timed(partial(_fetch, csv, sql))[0]
        kept[sql] = {
            "right": same(*answers),
            "headwater_s": ours,
            "duckdb_s": theirs,
            "duckdb_on_csv_s": from_csv,
            "engine_s": _engine_s(stack, sql),
        }
    ratios = [one["headwater_s"] / one["duckdb_s"] for one in kept.values()]
    engine = [one["engine_s"] / one["duckdb_s"] for one in kept.values()]
    faster = [one["duckdb_on_csv_s"] / one["headwater_s"] for one in kept.values()]
    print(
        f"| P18 | {len(SCANS)} scans of lineitem at {scale:g} | {statistics.median(engine):.2f} × in the engine, "
        f"{statistics.median(ratios):.2f} × end to end, {statistics.median(faster):.0f} × faster than the CSV | target ≤ 1.1 ×, ≥ 10 × |",
        flush=True,
    )
    keep("P18", {"scale": scale, "rounds": rounds, "engine_ratio": statistics.median(engine), "ratio": statistics.median(ratios), "scans": kept})


def _take_turns(ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int) -> tuple[float, float, tuple[Any, Any]]:
    """Return the median seconds of each, and what each answered."""
    taken: tuple[list[float], list[float]] = ([], [])
    answers: list[Any] = [None, None]
    for _ in range(rounds):
        for side, act in enumerate((ours, theirs)):
            seconds, answers[side] = _timed(act)
            taken[side].append(seconds)
    return statistics.median(taken[0]), statistics.median(taken[1]), (answers[0], answers[1])


def _timed(act: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    answer = act()
    return time.perf_counter() - started, answer


def _load(stack: Stack, paths: dict[str, Path]) -> float:
    started = time.perf_counter()
    uploads = {table: stack.upload(path)["id"] for table, path in paths.items()}
    for table, upload_id in uploads.items():
        job = stack.profile(upload_id, timeout_s=1800)
        assert job["state"] == "succeeded", job
        job = stack.publish(upload_id, table, timeout_s=1800)
        assert job["state"] == "succeeded", job
        assert stack.http.get(f"/v1/datasets/{table}/receipt").json()["balanced"]
    return time.perf_counter() - started


def _open(paths: dict[str, Path], parquet: Path | None = None) -> Any:
    """Return a DuckDB whose tables are the CSV files, or Parquet files that it has made of them."""
    engine = duckdb.connect(config={"threads": 2})
    engine.execute("SET enable_progress_bar = false")
    for table, path in paths.items():
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in TYPES[table].items())
        source = f"read_csv('{path}', columns = {{{columns}}}, header = true, auto_detect = false)"
        if parquet is not None:
            parquet.mkdir(exist_ok=True)
            engine.execute(f"COPY (SELECT * FROM {source}) TO '{parquet / table}.parquet' (FORMAT parquet, COMPRESSION zstd)")
            source = f"'{parquet / table}.parquet'"
        engine.execute(f"CREATE VIEW {table} AS SELECT * FROM {source}")
    return engine


def _fetch(engine: Any, sql: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = engine.execute(sql).fetchall()
    return rows


def _ask(stack: Stack, sql: str) -> list[list[Any]]:
    address = stack.http.post("/v1/queries", json={"sql": sql}).raise_for_status().headers["Location"]
    query = _end(stack, address)
    assert query["state"] == "succeeded", query
    rows: list[list[Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = stack.http.get(f"{address}/results", params={"limit": 10_000, **cursor}).json()
        rows += page["rows"]
        if page["next_cursor"] is None:
            return rows
        cursor = {"cursor": page["next_cursor"]}


def _end(stack: Stack, address: str) -> dict[str, Any]:
    while True:
        query: dict[str, Any] = stack.http.get(address).json()
        if query["state"] in ("succeeded", "failed", "cancelled"):
            return query
        time.sleep(0.01)


def _engine_s(stack: Stack, sql: str) -> float:
    query = _end(stack, stack.http.post("/v1/queries", json={"sql": sql}).raise_for_status().headers["Location"])
    return float(query["statistics"]["planning_ms"] + query["statistics"]["execution_ms"]) / 1000


if __name__ == "__main__":
    main()
