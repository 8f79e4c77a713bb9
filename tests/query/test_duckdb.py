from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from services.query.engines.duckdb import DuckDbEngine, Limits
from services.query.engines.port import Engine, ExecutionState, Order
from services.query.engines.views import create_views
from services.shared.errors import Problem, QueryCancelled, QueryOutOfMemory, QueryTimedOut
from services.shared.sql.guard import parse_statement
from services.shared.sql.translate import translate
from tests.query.conftest import GROUP_ROWS, ROWS, Lake

Run = Callable[..., Any]
_RUNAWAY = "select count(*) from items a, items b, items c where a.id + b.id <> c.id"


def _chunk_bytes(lake: Lake, columns: set[str], groups: list[int]) -> int:
    metadata = pq.read_metadata(lake.root / "objects/ws/tables/items/part-0.parquet")
    return sum(
        chunk.total_compressed_size
        for group in groups
        for chunk in (metadata.row_group(group).column(i) for i in range(metadata.num_columns))
        if chunk.path_in_schema in columns
    )


def test_a_query_reads_the_tables_files(run: Run, lake: Lake) -> None:
    """Joins, windows and aggregates over the Parquet files give what the rows hold; the port is kept."""
    engine: Engine = lake.engine
    assert (engine.name, engine.runs_here) == ("duckdb", True)
    _, rows = run("select count(*), sum(id), sum(price), min(day), max(at), count(name) from items")
    total = ROWS * (ROWS - 1) // 2
    assert rows == [[str(ROWS), str(total), f"{total / 100:.2f}", "2020-01-01", "2020-01-01T00:00:39.999", str(ROWS * 4 // 5)]]
    _, rows = run(
        "select a.id, rank() over (order by b.price desc) from items a join items b on a.id = b.id where a.id < ? order by 1", parameters=(3,)
    )
    assert rows == [["0", "3"], ["1", "2"], ["2", "1"]]


def test_an_empty_table_is_a_table(run: Run) -> None:
    """A table without files has its columns and no rows."""
    meta, rows = run("select * from empty")
    assert [c.type for c in meta.columns] == ["bigint", "string", "decimal(12,2)", "double", "date", "timestamp"]
    assert (meta.rows, rows) == (0, [])
    assert run("select count(*), sum(price) from empty")[1] == [["0", None]]


def test_statistics_are_measured(lake: Lake) -> None:
    """bytes_scanned is within a tenth, and the footer, of the chunks of the columns and row groups that the query needs."""

    def scanned(sql: str) -> int:
        execution = lake.engine.start(Order("q", sql, "sales"))
        with lake.engine.open_result(execution) as result:
            rows = sum(batch.num_rows for batch in result.batches)
        figures = lake.engine.statistics(execution)
        assert lake.engine.poll([execution, "exe_other"])[execution].state is ExecutionState.SUCCEEDED
        assert figures.rows == rows
        assert figures.execution_ms is not None
        assert figures.planning_ms is not None
        assert figures.bytes_scanned is not None
        return figures.bytes_scanned

    footer = 40_000
    everything = _chunk_bytes(lake, {"id", "name", "price", "ratio", "day", "at"}, [0, 1, 2, 3])
    one_group = _chunk_bytes(lake, {"id", "ratio"}, [3])
    assert everything <= scanned("select * from items") <= everything * 1.1 + footer
    assert one_group <= scanned(f"select sum(ratio) from items where id >= {3 * GROUP_ROWS}") <= one_group * 1.1 + footer
    assert scanned("select 1") == 0


def test_a_spilling_query_counts_no_spill(lake: Lake) -> None:
    """What is read back from the spill folder is no table byte, and the folder is empty afterwards."""
    spill = lake.root / "spill2"
    engine = DuckDbEngine(lake, lake.storage.engine_location, spill, Limits(slots=1, memory_bytes=32 << 20, threads=1))
    execution = engine.start(Order("q", "select a.*, b.name as n from items a join items b on a.id = b.id + 1 - 1 order by a.ratio * -1, n", "sales"))
    with engine.open_result(execution) as result:
        assert sum(batch.num_rows for batch in result.batches) == ROWS
    everything = _chunk_bytes(lake, {"id", "name", "price", "ratio", "day", "at"}, [0, 1, 2, 3])
    assert (engine.statistics(execution).bytes_scanned or 0) <= everything * 2.2 + 80_000
    assert list(spill.iterdir()) == []


def test_a_runaway_query_stops_within_a_second(lake: Lake) -> None:
    """A cancel interrupts a cross join at once, and says that the query was stopped."""
    execution = lake.engine.start(Order("q", _RUNAWAY, "sales"))
    begun = threading.Event()
    stopped_at: list[float] = []

    def stop() -> None:
        begun.wait()
        stopped_at.append(time.monotonic())
        lake.engine.stop(execution)

    canceller = threading.Timer(0.5, stop)
    canceller.start()
    begun.set()
    with pytest.raises(QueryCancelled), lake.engine.open_result(execution) as result:
        list(result.batches)
    assert time.monotonic() - stopped_at[0] <= 1.0
    assert lake.engine.poll([execution])[execution].state is ExecutionState.CANCELLED
    lake.engine.stop(execution)
    lake.engine.forget(execution)
    assert lake.engine.poll([execution]) == {}


def test_a_query_stopped_before_its_result_is_opened_never_runs(lake: Lake) -> None:
    """A stop that comes early is not forgotten."""
    execution = lake.engine.start(Order("q", _RUNAWAY, "sales"))
    lake.engine.stop(execution)
    with pytest.raises(QueryCancelled), lake.engine.open_result(execution) as result:
        list(result.batches)


def test_a_deadline_ends_a_query(lake: Lake) -> None:
    """The query's own time limit interrupts it, with a problem of its own."""
    execution = lake.engine.start(Order("q", _RUNAWAY, "sales", timeout_s=0.3))
    began = time.monotonic()
    with pytest.raises(QueryTimedOut, match=r"0\.3 s"), lake.engine.open_result(execution) as result:
        list(result.batches)
    assert time.monotonic() - began <= 1.5
    assert lake.engine.poll([execution])[execution].state is ExecutionState.FAILED


@pytest.mark.parametrize(
    ("sql", "code", "detail"),
    [
        ("select 1 / (id - 5) from items", "division_by_zero", "Division by zero."),
        ("select cast(name as bigint) from items", "invalid_value", "Cannot cast '"),
        ("select id, count(*) from items", "sql_invalid", "The column id must be in GROUP BY"),
        ("select (select id from items)", "invalid_value", "more than one row"),
        ("select id * 9223372036854775807 from items", "numeric_out_of_range", "Overflow in multiplication"),
        ("select date_parse(name, '%Y') from items", "invalid_value", "Could not parse"),
        ("select * from lines", "unsupported_on_embedded", "orc"),
        ("explain select 1", "unsupported_on_embedded", "EXPLAIN"),
    ],
)
def test_errors_are_problems_without_the_engines_words(run: Run, lake: Lake, sql: str, code: str, detail: str) -> None:
    """A failure of the data names the value; no path and no internal SQL leaks."""
    with pytest.raises(Problem) as caught:
        run(sql)
    assert caught.value.code == code
    assert detail in caught.value.detail
    for word in (str(lake.root), "r1.", "LINE 1", "SET ", "read_parquet", "SELECT"):
        assert word not in caught.value.detail


def test_memory_is_limited(lake: Lake) -> None:
    """A query that needs more than its slot's memory, and can't spill, ends as a problem and not as a dead process."""
    engine = DuckDbEngine(
        lake, lake.storage.engine_location, lake.root / "spill3", Limits(slots=1, memory_bytes=40 << 20, threads=1, spill_bytes=1 << 20)
    )
    execution = engine.start(
        Order("q", "select array_agg(a.name || b.name || a.name || b.name) from items a join items b on a.id % 400 = b.id % 400", "sales")
    )
    with pytest.raises(QueryOutOfMemory), engine.open_result(execution) as result:
        list(result.batches)


def test_a_missing_file_is_a_problem_without_its_path(lake: Lake, run: Run) -> None:
    """A file that can't be read is told without where it is."""
    (lake.root / "objects/ws/tables/items/part-1.parquet").write_bytes(b"PAR1 this is no parquet PAR1")
    with pytest.raises(Problem) as caught:
        run("select count(*) from items")
    assert str(lake.root) not in caught.value.detail


def test_the_connection_is_locked(lake: Lake) -> None:
    """Even SQL that never came through the guard reaches no file but the tables', loads nothing and changes no setting."""
    (lake.root / "secret.csv").write_text("a\n1\n")
    connection: Any = duckdb.connect(":memory:", config=lake.engine._configuration(64 << 20))
    translation = translate(parse_statement("select id from items"), lake, database="sales")
    files = lake.engine._prepare(connection, translation, str(lake.root / "spill"))
    assert len(next(iter(files.values()))) == 1
    assert connection.execute("select count(*) from sales.items").fetchall() == [(ROWS,)]
    for sql in (
        "select * from read_csv('/etc/passwd')", f"select * from read_csv('{lake.root}/secret.csv')", "select * from read_text('/etc/passwd')",
        "select * from '/etc/passwd'", "select * from glob('/etc/*')", "install httpfs", "load httpfs", f"attach '{lake.root}/x.db'",
        f"copy (select 1) to '{lake.root}/x.csv'", "set enable_external_access=true", "set memory_limit='10GB'", "set threads=64",
        "set allowed_directories=['/']", f"export database '{lake.root}/x'",
    ):  # fmt: skip
        with pytest.raises(duckdb.Error):
            connection.execute(sql).fetchall()
    connection.close()


def test_show_and_describe_need_no_engine(run: Run, lake: Lake) -> None:
    """They are answered from the catalog and stored as results like any other."""
    assert run("show tables")[1] == [["items"], ["empty"], ["lines"]]
    meta, rows = run("describe items")
    assert [c.name for c in meta.columns] == ["col_name", "data_type", "comment"]
    assert rows[2] == ["price", "decimal(12,2)", ""]
    assert not (lake.root / "spill").exists()


def test_eight_queries_at_once(lake: Lake) -> None:
    """Queries in several threads do not disturb each other; one that is stopped stops alone."""
    victim = lake.engine.start(Order("victim", _RUNAWAY, "sales"))
    answers: dict[int, Any] = {}

    def work(number: int) -> None:
        execution = victim if number == 0 else lake.engine.start(Order("q", f"select sum(id + {number}) from items", "sales"))
        try:
            with lake.engine.open_result(execution) as result:
                answers[number] = next(batch.to_pylist() for batch in list(result.batches))[0]["c1"]
        except Problem as problem:
            answers[number] = problem.code

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads[1:]:
        thread.join()
    lake.engine.stop(victim)
    threads[0].join()
    base = ROWS * (ROWS - 1) // 2
    assert answers == {0: "query_cancelled", **{n: base + n * ROWS for n in range(1, 8)}}


def test_hidden_files_are_no_table_files(lake: Lake, tmp_path: Path) -> None:
    """As in Athena, a file whose name starts with `_` or `.` is skipped; a view holds exactly the rest."""
    connection: Any = duckdb.connect(":memory:")
    files = create_views(connection, [lake.tables["items"], lake.tables["empty"]], lake.storage.engine_location)
    assert {name: len(found) for name, found in files.items()} == {'"sales"."items"': 1, '"sales"."empty"': 0}
    connection.close()
    assert tmp_path.exists()


def test_a_view_has_the_columns_that_the_query_names(lake: Lake) -> None:
    """Of a wide table a query's view has what it names, whatever stands in its texts; a query that names no column still counts rows."""
    for query, expected in (
        ('select max(r1."price"), \'it\'\'s "at"\' from sales.items r1 where r1."ID" > 1', ["id", "price"]),
        ("select count(*), '\"name' from sales.items r1 where '\"' <> ''", ["id"]),
    ):
        connection: Any = duckdb.connect(":memory:")
        create_views(connection, [lake.tables["items"]], lake.storage.engine_location, query=query)
        assert [row[0] for row in connection.execute("describe sales.items").fetchall()] == expected
        assert len(connection.execute(query).fetchall()) == 1
        connection.close()
