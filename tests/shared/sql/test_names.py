from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.shared.errors import ParameterMismatch, Problem
from services.shared.sql.guard import parse_statement
from services.shared.sql.parameters import with_parameters
from services.shared.sql.show import Schemas
from services.shared.sql.translate import Translation, translate

Rows = Callable[[str], list[tuple[Any, ...]]]


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('/etc/passwd')", "select * from '/etc/passwd'", 'select * from "/etc/passwd"', "select * from 's3://b/k'",
        'select * from "s3://b/k.parquet"', "select query('select 1')", "select * from query('select 1')", "select duckdb_settings()",
        "select * from duckdb_settings()", "select getenv('HOME')", "select * from glob('*')", "select * from information_schema.tables",
        "select * from pg_catalog.pg_tables", "select * from sqlite_master", "select * from duckdb_tables", "select * from other.t",
        "select * from hive.sales.t", "select read_text('/etc/passwd')", "select current_setting('threads')", "select * from range(5)",
        "select * from t, lateral read_csv('x')", "select (select max(a) from read_parquet('x'))", "select * from t/**/join/**/'x.csv' on true",
        "with t2 as (select * from parquet_scan('x')) select * from t2", "select * from sales.t.u.v", "select error('x')",
        "select * from unnest(read_csv('x'))", "select list_transform(arr, x -> x) from t", "select \u2003getvariable('x')", "select $1",
        "select columns('.*') from t", "select * exclude (a) from t", "from t select a", "select a from t tablesample bernoulli (10)",
        "select * from t pivot (sum(a) for s in ('x'))", "with recursive r(n) as (select 1 union all select n+1 from r) select n from r",
    ],
)  # fmt: skip
def test_only_tables_of_the_catalog_and_listed_functions(translated: Callable[[str], Translation], sql: str) -> None:
    """No path, no function of the engine and no table beside the catalog's gets through."""
    with pytest.raises(Problem) as caught:
        translated(sql)
    assert caught.value.code in (
        "table_not_found", "unknown_function", "unsupported_on_embedded", "sql_syntax", "statement_not_allowed", "sql_invalid", "column_not_found",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "code", "place", "hint"),
    [
        ("select 1,\n nme from u", "column_not_found", (2, 2), "Did you mean name?"),
        ("select a\nfrom salez.t", "table_not_found", (2, 6), "Did you mean sales?"),
        ("select lenght(s) from t", "unknown_function", (1, 8), "Did you mean length?"),
        ("select a from t join u on t.a = u.a", "column_ambiguous", (1, 8), "more than one"),
        ("select s = 1 from t", "type_mismatch", (1, 8), "varchar and integer"),
        ("select dt = '2020-01-31' from t", "type_mismatch", (1, 8), "date and varchar"),
        ("select soundex(s) from t", "unsupported_on_embedded", (1, 8), "soundex"),
        ("select a from t where sum(a) > 1", "sql_invalid", (1, 23), "WHERE"),
        ("select rank() from t", "sql_invalid", (1, 8), "OVER"),
    ],
)
def test_problems_name_the_place_and_the_near_miss(
    translated: Callable[[str], Translation], sql: str, code: str, place: tuple[int, int], hint: str
) -> None:
    """A wrong name or type is a problem with line, column and a hint."""
    with pytest.raises(Problem) as caught:
        translated(sql)
    assert (caught.value.code, (caught.value.line, caught.value.column)) == (code, place)
    assert hint in caught.value.detail


def test_names_are_resolved_as_trino_does(rows: Rows) -> None:
    """Case does not matter; USING merges its column; ORDER BY sees aliases, GROUP BY ordinals; subqueries see the outer row."""
    assert rows('SELECT T.A, "S" FROM Sales.T WHERE a = 7') == [(7, "hello")]
    assert rows("select * from u join (select a, b from t) v using (a)") == [(7, "seven", 2)]
    assert rows("select a as z from t order by z desc") == [(7,), (-7,), (None,)]
    assert rows("select x, count(*) from t group by 1 order by 1") == [(False, 1), (True, 1), (None, 1)]
    assert rows("select name from u where exists (select 1 from t where t.a = u.a)") == [("seven",)]
    assert rows("with q(n) as (select a + 1 from t) select max(n) from q where n in (select a from u)") == [(8,)]
    assert rows("select v.n, v.c from (values (1, 'a'), (2, 'b')) as v(n, c) where v.n > 1") == [(2, "b")]
    assert rows("select k, v, o from t cross join unnest(map_keys(m), map_values(m)) with ordinality as e(k, v, o)") == [("k", 5, 1)]


def test_unnamed_columns_are_called_as_athena_calls_them(translated: Callable[[str], Translation]) -> None:
    """A column without a name is `_col` and its place, counted from 0; the tables read are told."""
    found = translated('select a, a + 1, t.s as "S x" from t, (select 1) v')
    assert [c.name for c in found.columns] == ["a", "_col1", "s x"]
    assert [t.name for t in found.tables] == ["t"]
    assert translated("select approx_distinct(a) from t").approximate == ("approx_distinct",)


def test_parameters_fill_placeholders(catalog: Schemas, connection: Any) -> None:
    """Values take the place of `?` as literals; their number must fit; a quote stays a quote."""
    statement = with_parameters(parse_statement("select ?, ?, ?, ?, ? from u where a = ?"), ["it's ?", -5, True, None, 0.1, 7])
    sql = translate(statement, catalog, database="sales").sql
    assert connection.execute(sql).fetchall() == [("it's ?", -5, True, None, 0.1)]
    with pytest.raises(ParameterMismatch, match="1 placeholders, 0"):
        with_parameters(parse_statement("select ?"), [])


@pytest.mark.parametrize(
    ("sql", "line", "column", "named"),
    [
        ("select a,\n  b, sum(d) from t group by a", 2, 3, "column b"),
        ("select count(*)\nfrom t having d > 1", 2, 15, "column d"),
        ("select upper(s) from t group by a", 1, 14, "column s"),
        ("select a from t group by a\norder by b", 2, 10, "column b"),
        ("select * from u group by a", 1, 8, "column name"),
    ],
)
def test_a_column_that_is_not_grouped_is_found_before_anything_runs(
    translated: Callable[[str], Translation], sql: str, line: int, column: int, named: str
) -> None:
    """The column is named with its place."""
    with pytest.raises(Problem) as caught:
        translated(sql)
    assert (caught.value.code, caught.value.line, caught.value.column) == ("sql_invalid", line, column)
    assert named in str(caught.value.detail)


def test_what_is_grouped_passes(translated: Callable[[str], Translation]) -> None:
    """A key may be qualified or not, an expression, an ordinal, inside another expression or a window."""
    for sql in (
        "select t.a, a + 1, sum(b) from t group by a",
        "select upper(s) || 'x', max(a) from t group by upper(t.s) order by upper(s)",
        "select a + 1, count(*) from t group by 1 having count(*) > 1 order by count(*)",
        "select a as z, sum(b) as y from t group by a order by y, z",
        "select a, sum(sum(b)) over (order by a) from t group by a", "select a, (select max(u.a) from u where u.a = t.a) from t group by a",
        "select sum(b) from t order by 1", "select array_agg(s order by a) from t", "select year(dt), count(*) from t group by year(dt)",
    ):  # fmt: skip
        translated(sql)


@pytest.mark.parametrize(
    ("sql", "line", "column"),
    [
        ("select a from t limit 5\nwhere a = 1", 2, 1),
        ("select a from t limit 5 offset 1", 1, 25),
        ("select * from (select a from t order by a\n group by a) x", 2, 2),
        ("select a from t where a = 1 where a = 2", 1, 29),
    ],
)
def test_clauses_keep_their_order(sql: str, line: int, column: int) -> None:
    """A clause that stands after one it must precede is a syntax error where it stands."""
    with pytest.raises(Problem) as caught:
        parse_statement(sql)
    assert (caught.value.code, caught.value.line, caught.value.column) == ("sql_syntax", line, column)


def test_names_that_look_like_clauses_are_names() -> None:
    """`limit`, `offset` and windows' own ORDER BY begin no clause."""
    for sql in (
        "select t.offset, extract(year from d), trim(both 'x' from s), sum(a) over (partition by b order by c rows 1 preceding) from t",
        "select listagg(s, ',') within group (order by s) from t group by a union all select 'x' from t where 1 = 1 order by 1 limit 2",
        "with x as (select a from t where a > 1 limit 5) select a from x where a in (select b from u where b = 1) group by a",
    ):
        parse_statement(sql)
