"""Statements that can't run, or fail while they do: each gets a problem with its place and the value, and nothing that was there is touched."""

from __future__ import annotations

import pytest

from tests.e2e.problems import check, check_document
from tests.stack import Stack

SQL: list[tuple[str, int, str, int | None, int | None, str]] = [
    ("SELEC 1", 422, "sql_syntax", 1, 1, "Did you mean SELECT?"),
    ("SELECT id,\n  nope FROM kept", 422, "column_not_found", 2, 3, "nope"),
    ("SELECT *\nFROM nowhere", 422, "table_not_found", 2, 6, "nowhere"),
    ("SELECT * FROM other.kept", 422, "table_not_found", 1, 15, "other"),
    ('SELECT * FROM "/etc/passwd"', 422, "table_not_found", 1, 15, "/etc/passwd"),
    ("SELECT * FROM read_csv('/etc/passwd')", 422, "unsupported_on_embedded", 1, 15, "read_csv"),
    ("SELECT\n\n  id,\n  (SELECT 1 FROM\n kept x", 422, "sql_syntax", 5, 7, "x"),
    ("SELECT id,\n 'abc", 422, "sql_syntax", 2, 2, "begins here"),
    ("SELECT nofun(id) FROM kept", 422, "unknown_function", 1, 8, "nofun"),
    ("SELECT id + name FROM kept", 422, "type_mismatch", 1, 8, "varchar"),
    ("SELECT id FROM kept WHERE day > 5", 422, "type_mismatch", 1, 27, "date and integer"),
    ("SELECT id FROM kept a, kept b", 422, "column_ambiguous", 1, 8, "id"),
    ("SELECT count(*) FROM kept WHERE sum(id) > 1", 422, "sql_invalid", 1, 33, "sum"),
    ("SELECT id FROM kept GROUP BY name", 422, "sql_invalid", 1, 8, "id"),
    ("SELECT cast('abc' as date)", 422, "sql_invalid", 1, 13, "'abc'"),
    ("SELECT ?", 422, "parameter_mismatch", None, None, "1 placeholders"),
    ("-- nothing", 422, "sql_syntax", None, None, "no statement"),
    ("(" * 300 + "1" + ")" * 300, 422, "sql_syntax", 1, 61, "60 levels"),
    ("SELECT 1; SELECT 2", 422, "multiple_statements", 1, 11, "'SELECT'"),
    ("SELECT 1;\n DROP TABLE kept", 422, "multiple_statements", 2, 2, "'DROP'"),
    ("WITH x AS (DELETE FROM kept) SELECT 1", 403, "statement_not_allowed", 1, 12, "DELETE"),
    ("EXPLAIN DROP TABLE kept", 403, "statement_not_allowed", 1, 9, "DROP"),
    *[
        (sql, 403, "statement_not_allowed", 1, 1, sql.split()[0])
        for sql in (
            "DROP TABLE kept",
            "DELETE FROM kept",
            "INSERT INTO kept VALUES (1)",
            "UPDATE kept SET id = 1",
            "MERGE INTO kept USING kept b ON true WHEN MATCHED THEN DELETE",
            "CREATE TABLE x AS SELECT 1 AS a",
            "CREATE VIEW v AS SELECT 1 AS a",
            "ALTER TABLE kept ADD COLUMNS (x int)",
            "MSCK REPAIR TABLE kept",
            "UNLOAD (SELECT 1) TO 's3://b/x'",
            "COPY kept TO '/tmp/x'",
            "ATTACH '/etc/passwd'",
            "PRAGMA database_list",
            "SET memory_limit = '1TB'",
            "CALL pragma_version()",
        )
    ],
]


@pytest.mark.parametrize(("sql", "status", "code", "line", "column", "needle"), SQL, ids=lambda value: str(value)[:40])
def test_sql_that_can_not_run(stack: Stack, kept: str, sql: str, status: int, code: str, line: int | None, column: int | None, needle: str) -> None:
    """What can't or may not run is refused before it is queued, with the line and the column of what is wrong."""
    assert kept
    problem = check(stack.http.post("/v1/queries", json={"sql": sql}), status, code, needle)
    assert (problem.get("line"), problem.get("column")) == (line, column)


RUNS_INTO: list[tuple[str, str, str]] = [
    ("SELECT 10 / (id - 3) FROM kept", "division_by_zero", "zero"),
    ("SELECT id % (id - id) FROM kept", "division_by_zero", "zero"),
    ("SELECT cast(name AS bigint) FROM kept", "invalid_value", "'n0'"),
    ("SELECT (SELECT id FROM kept)", "invalid_value", "more than one row"),
    ("SELECT 9223372036854775807 + id FROM kept", "numeric_out_of_range", "9223372036854775807"),
]


@pytest.mark.parametrize(("sql", "code", "needle"), RUNS_INTO)
def test_sql_that_fails_at_run_time(stack: Stack, kept: str, sql: str, code: str, needle: str) -> None:
    """The query ends failed with the reason, has no result, and the next one works."""
    assert kept
    query = stack.query(sql)
    assert query["state"] == "failed"
    check_document(query["error"], 422, code, needle)
    check(stack.http.get(f"/v1/queries/{query['id']}/results"), 409, "query_failed", query["id"], code)
    check(stack.http.get(f"/v1/queries/{query['id']}/download"), 409, "query_failed", query["id"], code)
    assert stack.rows("SELECT 1 AS one") == [[1]]
