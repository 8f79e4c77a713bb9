"""Queries: FROM, joins, subqueries, ordering, set operations."""

from __future__ import annotations

from tests.query.athena_semantics.case import INVALID, SYNTAX, TYPES, VALUE, athena, fails, subject, table, trino, value

_A = "(VALUES (1, 'a'), (2, 'b'), (3, NULL)) AS p (id, n)"
_B = "(VALUES (1, 'x'), (1, 'y'), (4, 'z')) AS q (id, m)"

RELATIONS = subject(
    "Relations and joins",
    trino(
        "sql/values.html",
        table("VALUES (1, 'a'), (2, 'b')", "int string", ("1", "a"), ("2", "b")),
        table("VALUES 1, 2.5", "decimal(11,1)", ("1.0",), ("2.5",)),
        table("SELECT * FROM (VALUES (1, 'a')) AS t (id, name)", "int string", ("1", "a")),
        table("WITH t (id) AS (VALUES 1) SELECT id FROM t", "int", ("1",)),
    ),
    trino(
        "sql/select.html",
        table(f"SELECT p.id, m FROM {_A} JOIN {_B} ON p.id = q.id ORDER BY m", "int string", ("1", "x"), ("1", "y")),
        table(f"SELECT p.id, m FROM {_A} LEFT JOIN {_B} ON p.id = q.id ORDER BY p.id, m", "int string",
              ("1", "x"), ("1", "y"), ("2", None), ("3", None)),
        table(f"SELECT id, n, m FROM {_A} RIGHT JOIN {_B} USING (id) ORDER BY id, m", "int string string",
              ("1", "a", "x"), ("1", "a", "y"), ("4", None, "z")),
        table(f"SELECT id FROM {_A} FULL OUTER JOIN {_B} USING (id) ORDER BY id", "int", ("1",), ("1",), ("2",), ("3",), ("4",)),
        table(f"SELECT count(*) FROM {_A} CROSS JOIN {_B}", "bigint", ("9",)),
        table(f"SELECT count(*) FROM {_A}, {_B} WHERE p.id < q.id", "bigint", ("3",)),
        table("SELECT x FROM UNNEST(ARRAY[1, 2]) AS t (x)", "int", ("1",), ("2",)),
        table("SELECT x, i FROM UNNEST(ARRAY['a', 'b']) WITH ORDINALITY AS t (x, i)", "string bigint", ("a", "1"), ("b", "2")),
        table("SELECT a, b FROM UNNEST(ARRAY[2, 5], ARRAY[7, 8, 9]) AS t (a, b)", "int int", ("2", "7"), ("5", "8"), (None, "9")),
        table("SELECT k, v FROM UNNEST(MAP(ARRAY['foo', 'bar'], ARRAY[1, 2])) AS t (k, v)", "string int", ("foo", "1"), ("bar", "2")),
        table("SELECT n, x FROM (VALUES (1, ARRAY[10, 20]), (2, ARRAY[])) AS t (n, a) CROSS JOIN UNNEST(a) AS u (x)", "int int",
              ("1", "10"), ("1", "20")),
        table("SELECT n, x FROM (VALUES (1, ARRAY[10]), (2, NULL)) AS t (n, a) LEFT JOIN UNNEST(a) AS u (x) ON true ORDER BY n", "int int",
              ("1", "10"), ("2", None)),
        table("SELECT x, y FROM UNNEST(ARRAY[ROW('Java', 1995), ROW('SQL', 1974)]) AS t (x, y)", "string int", ("Java", "1995"), ("SQL", "1974")),
        table("SELECT r.x, s FROM (VALUES 1, 2) AS r (x) CROSS JOIN LATERAL (SELECT x * 10 AS s) ORDER BY 1", "int int", ("1", "10"), ("2", "20")),
        table("SELECT count(*) FROM (VALUES 1, 2) AS t (x) TABLESAMPLE BERNOULLI (100)", "bigint", ("2",)),
        table("SELECT * FROM (SELECT 1 AS a, 2 AS b) AS t", "int int", ("1", "2")),
        table("SELECT t.* FROM (SELECT 1 AS a) AS t CROSS JOIN (SELECT 2 AS b) AS u", "int", ("1",)),
        table("TABLE numbers", "bigint string double", ("1", "one", "0.5"), ("2", None, "NaN"), ("3", "three", None)),
        table("SELECT name FROM awsdatacatalog.sales.numbers WHERE id = 1", "string", ("one",)),
        table('SELECT "name" FROM "sales"."numbers" AS "t" WHERE "t"."id" = 3', "string", ("three",)),
        table("SELECT NAME FROM Numbers WHERE ID = 1", "string", ("one",)),
        table("WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT y FROM b", "int", ("2",)),
        table("WITH RECURSIVE t (n) AS (VALUES 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT sum(n) FROM t", "bigint", ("6",)),
        table("SELECT * FROM TABLE(sequence(1, 3))", "bigint", ("1",), ("2",), ("3",)),
        fails(f"SELECT id FROM {_A} JOIN {_B} ON p.id = q.id", "column_ambiguous"),
        fails("SELECT nome FROM numbers", "column_not_found"),
        fails("SELECT 1 FROM numbrs", "table_not_found"),
        fails("SELECT lenght('a')", "unknown_function"),
        fails("SELECT x FROM (VALUES 1) AS t (x) LIMIT 1 WHERE x = 1", SYNTAX),
        fails("SELECT x FROM (VALUES 1) AS t (x) ORDER BY x GROUP BY x", SYNTAX),
    ),
)  # fmt: skip

SUBQUERIES = subject(
    "Subqueries",
    trino(
        "sql/select.html",
        table("SELECT x FROM (VALUES 1, 2) AS t (x) WHERE EXISTS (SELECT 1 FROM (VALUES 2) AS u (y) WHERE y = x)", "int", ("2",)),
        table("SELECT x, (SELECT max(y) FROM (VALUES 1, 2, 3) AS u (y) WHERE y <= x) FROM (VALUES 2, 0) AS t (x) ORDER BY 1", "int int",
              ("0", None), ("2", "2")),
        value("SELECT (SELECT 1 WHERE false)", "int", None),
        fails("SELECT (SELECT x FROM (VALUES 1, 2) AS t (x))", VALUE),
        fails("SELECT (SELECT 1, 2)", INVALID, TYPES),
        value("1 IN (SELECT x FROM (VALUES 1, NULL) AS t (x))", "boolean", "true"),
        value("2 NOT IN (SELECT x FROM (VALUES 1, NULL) AS t (x))", "boolean", None),
        value("1 IN (SELECT 1 WHERE false)", "boolean", "false"),
        value("NULL IN (SELECT 1 WHERE false)", "boolean", "false"),
        value("SELECT (1, 'a') IN (SELECT 1, 'a')", "boolean", "true"),
        value("NOT EXISTS (SELECT 1 WHERE false)", "boolean", "true"),
        table("SELECT x FROM (VALUES 1, 2, 3) AS t (x) WHERE x > (SELECT avg(y) FROM (VALUES 1, 2, 3) AS u (y)) ORDER BY x", "int", ("3",)),
    ),
)  # fmt: skip

_N = "FROM (VALUES 2, NULL, 1) AS t (x)"

ORDERING = subject(
    "Ordering and limits",
    trino(
        "sql/select.html",
        table(f"SELECT x {_N} ORDER BY x", "int", ("1",), ("2",), (None,)),
        table(f"SELECT x {_N} ORDER BY x DESC", "int", ("2",), ("1",), (None,)),
        table(f"SELECT x {_N} ORDER BY x NULLS FIRST", "int", (None,), ("1",), ("2",)),
        table(f"SELECT x {_N} ORDER BY x DESC NULLS FIRST", "int", (None,), ("2",), ("1",)),
        table(f"SELECT x AS y {_N} ORDER BY y", "int", ("1",), ("2",), (None,)),
        table(f"SELECT -x AS x {_N} ORDER BY x", "int", ("-2",), ("-1",), (None,)),
        table(f"SELECT x {_N} ORDER BY 1 DESC", "int", ("2",), ("1",), (None,)),
        table(f"SELECT x {_N} ORDER BY x LIMIT 1", "int", ("1",)),
        table(f"SELECT x {_N} ORDER BY x OFFSET 1 ROW LIMIT 1", "int", ("2",)),
        table(f"SELECT x {_N} ORDER BY x OFFSET 1 ROWS FETCH FIRST ROW ONLY", "int", ("2",)),
        table(f"SELECT x {_N} ORDER BY x FETCH NEXT 2 ROWS ONLY", "int", ("1",), ("2",)),
        table("SELECT x FROM (VALUES 1, 1, 2) AS t (x) ORDER BY x FETCH FIRST 1 ROW WITH TIES", "int", ("1",), ("1",)),
        table(f"SELECT x {_N} ORDER BY x LIMIT ALL", "int", ("1",), ("2",), (None,)),
        table(f"SELECT count(*) FROM (SELECT x {_N} LIMIT 0)", "bigint", ("0",)),
        table("SELECT x FROM (VALUES 'b', 'a', 'B') AS t (x) ORDER BY x", "string", ("B",), ("a",), ("b",)),
        table("SELECT x FROM (VALUES nan(), 1e0, infinity()) AS t (x) ORDER BY x", "double", ("1.0",), ("Infinity",), ("NaN",)),
        table("SELECT x FROM (VALUES ROW(2, 'a'), ROW(1, 'b')) AS t (x, y) ORDER BY y DESC", "int", ("1",), ("2",)),
        fails(f"SELECT DISTINCT x {_N} ORDER BY x + 1", INVALID),
        fails(f"SELECT x {_N} ORDER BY 2", INVALID),
        fails(f"SELECT x {_N} LIMIT -1", SYNTAX),
    ),
    athena(
        "select.html",
        table(f"SELECT x {_N} ORDER BY x OFFSET 2", "int", (None,)),
    ),
)  # fmt: skip

SETS = subject(
    "Set operations",
    trino(
        "sql/select.html",
        table("SELECT 1 UNION SELECT 1", "int", ("1",)),
        table("SELECT 1 UNION ALL SELECT 1", "int", ("1",), ("1",)),
        table("SELECT NULL UNION SELECT NULL", "string", (None,)),
        table("SELECT 1 AS a UNION ALL SELECT 2.5 ORDER BY a", "decimal(11,1)", ("1.0",), ("2.5",)),
        table("SELECT x FROM (VALUES 1, 2, 2) AS t (x) INTERSECT SELECT 2", "int", ("2",)),
        table("SELECT x FROM (VALUES 1, 2, 2) AS t (x) INTERSECT ALL SELECT x FROM (VALUES 2, 2) AS u (x)", "int", ("2",), ("2",)),
        table("SELECT x FROM (VALUES 1, 2, 2) AS t (x) EXCEPT SELECT 1", "int", ("2",)),
        table("SELECT x FROM (VALUES 1, 2, 2) AS t (x) EXCEPT ALL SELECT 2 ORDER BY 1", "int", ("1",), ("2",)),
        table("SELECT 1 UNION SELECT 2 INTERSECT SELECT 2 ORDER BY 1", "int", ("1",), ("2",)),
        table("SELECT 1 AS a UNION ALL (SELECT 2 ORDER BY 1 LIMIT 1) ORDER BY a DESC", "int", ("2",), ("1",)),
        table("(SELECT 1) EXCEPT (SELECT 1)", "int"),
        fails("SELECT 1 UNION SELECT 'a'", TYPES),
        fails("SELECT 1 UNION SELECT 1, 2", INVALID),
    ),
)  # fmt: skip
