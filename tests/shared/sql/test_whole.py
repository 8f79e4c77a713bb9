"""A statement that lacks a part is a syntax error, never another statement."""

from __future__ import annotations

import pytest

from services.shared.errors import SqlSyntax
from services.shared.sql.guard import parse_statement


@pytest.mark.parametrize(
    ("sql", "detail"),
    [
        ("SELECT", "SELECT selects nothing."),
        ("SELECT FROM people", "SELECT selects nothing."),
        ("SELECT DISTINCT FROM people", "SELECT selects nothing."),
        ("SELECT a FROM (SELECT FROM people)", "SELECT selects nothing."),
        ("SELECT a, FROM people", "Nothing comes between ',' and 'FROM'."),
        ("SELECT f(a, ) FROM people", "Nothing comes between ',' and ')'."),
        ("SELECT count(*) FROM people GROUP BY", "GROUP BY names nothing."),
        ("SELECT a FROM people WHERE a IN ()", "IN lists nothing."),
        ("SELECT a FROM people JOIN zips", "A JOIN has no condition: write ON or USING after it, or CROSS JOIN."),
        ("SELECT a FROM people LEFT JOIN zips", "A JOIN has no condition: write ON or USING after it, or CROSS JOIN."),
        ("SELECT a FROM people p JOIN zips z ON", "A JOIN has no condition: write ON or USING after it, or CROSS JOIN."),
        ("SELECT a FROM people, more JOIN zips", "A JOIN has no condition: write ON or USING after it, or CROSS JOIN."),
    ],
)
def test_a_missing_part_is_named(sql: str, detail: str) -> None:
    """What is missing is said, before the statement is accepted."""
    with pytest.raises(SqlSyntax) as raised:
        parse_statement(sql)
    assert raised.value.detail == detail


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT a FROM people, zips",
        "SELECT a FROM people CROSS JOIN zips",
        "SELECT a FROM people NATURAL JOIN zips",
        "SELECT a FROM people JOIN zips USING (zip), more",
        "SELECT a FROM p JOIN q JOIN r ON q.a = r.a ON p.a = q.a",
        "SELECT a FROM p JOIN (q JOIN r ON q.a = r.a) ON p.a = q.a",
        "SELECT a FROM p LEFT JOIN UNNEST(x) AS t(y) ON true",
        "SELECT a FROM p CROSS JOIN UNNEST(x) AS t(y)",
        "SELECT a FROM p WHERE a IN (SELECT b FROM q JOIN r USING (c))",
        "SELECT a FROM p WHERE a IN (1)",
        "SELECT count(*) FROM p GROUP BY ()",
        "SELECT count(*) FROM p GROUP BY GROUPING SETS ((a), ())",
        "SELECT count(*) FROM p GROUP BY ROLLUP (a)",
        "SELECT count(*) FROM p GROUP BY CUBE (a)",
        "VALUES (1, 2)",
        "WITH t AS (SELECT 1 AS a) SELECT a FROM t UNION ALL SELECT 2",
    ],
)
def test_whole_statements_pass(sql: str) -> None:
    """What Athena's grammar has is read."""
    assert parse_statement(sql).tree is not None


@pytest.mark.parametrize("sql", ["VALUES (execute plan)", "SELECT ((vacuum t))", "WITH x AS (execute plan) SELECT 1", "SELECT f(a b) FROM t"])
def test_an_alias_stands_only_where_one_may(sql: str) -> None:
    """Two names in a row are no expression, and a table is no query of WITH."""
    with pytest.raises(SqlSyntax):
        parse_statement(sql)
