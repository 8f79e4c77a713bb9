from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.shared.errors import MultipleStatements, Problem, SqlSyntax, SqlTooLong, StatementNotAllowed, UnsupportedOnEmbedded
from services.shared.sql.guard import StatementKind, parse_statement
from tests.corpora import folder
from tests.shared.sql.refused_reads import REFUSED_READS

_READS = ("SELECT", "WITH", "VALUES", "SHOW", "DESCRIBE", "EXPLAIN")


def _statements() -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads((folder() / "athena-sql" / "athena_user_guide_sql.json").read_text())
    return found


def _refusal(sql: str) -> Problem:
    with pytest.raises(Problem) as caught:
        parse_statement(sql)
    return caught.value


def _answer(sql: str) -> Problem | None:
    try:
        parse_statement(sql)
    except Problem as problem:
        return problem
    return None


def test_no_write_of_the_athena_user_guide_passes() -> None:
    """Of the 229 statements of Athena's guide that write or administer, none is taken for a read."""
    writes = [each["sql"] for each in _statements() if each["kind"] not in _READS]
    assert len(writes) == 229
    for sql in writes:
        assert isinstance(_refusal(sql), StatementNotAllowed | SqlSyntax | MultipleStatements), sql


def test_the_reads_of_the_athena_user_guide_pass() -> None:
    """Every read of the guide is taken but those that are listed with their reason, and none of these."""
    refused = {at for at, each in enumerate(_statements()) if each["kind"] in _READS and _answer(each["sql"]) is not None}
    assert refused == set(REFUSED_READS)


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE t", "insert into t select 1", "update t set a = 1", "CREATE TABLE x AS SELECT 1", "UNLOAD (SELECT 1) TO 's3://x'",
        "with x as (delete from t) select 1", "select 1 into x", "select * from t for update", "EXPLAIN ANALYZE insert into t select 1",
        "USE x", "SET a = 1", "CALL system.x()", "PREPARE p FROM SELECT 1", "EXECUTE p", "MSCK REPAIR TABLE t", "VACUUM t", "ATTACH 'x'",
        "COPY t TO 'x'", "PRAGMA database_list", "LOAD httpfs", "INSTALL httpfs", "EXPORT DATABASE 'x'", "/* a */ DrOp\u00a0TABLE x",
        "using external function f(a int) returns int lambda 'x' select f(1)", "from t", "merge into t using u on true when matched then delete",
    ],
)  # fmt: skip
def test_what_may_not_run_is_refused(sql: str) -> None:
    """A statement that is no read is 403, whatever its case, comments and spaces."""
    assert isinstance(_refusal(sql), StatementNotAllowed | SqlSyntax | UnsupportedOnEmbedded)
    assert _refusal(sql).code in ("statement_not_allowed", "sql_syntax")


@given(
    st.sampled_from(["drop table t", "delete from t", "insert into t values (1)", "create view v as select 1", "grant all on t to x"]), st.randoms()
)
@settings(max_examples=60, deadline=None)
def test_no_disguise_helps(sql: str, random: object) -> None:
    """Case, comments, Unicode spaces and parentheses around a write do not make it a read."""
    choose = random.choice  # type: ignore[attr-defined]
    spaces = [" ", "\n", "\t", "/**/", "/* select */", "--x\n", "\u00a0", "\u2003", " ;"]
    disguised = "".join(choose(spaces) if c == " " else choose([c.upper(), c]) for c in sql)
    assert _refusal(choose(["", " ", "(", "/*+ select */", "\ufeff", ";"]) + disguised).code in (
        "statement_not_allowed", "sql_syntax", "multiple_statements",
    )  # fmt: skip


def test_one_statement_a_query() -> None:
    """A closing semicolon and comments are no second statement; a second one is named with its place."""
    assert parse_statement("select 1; -- done\n;").kind is StatementKind.QUERY
    problem = _refusal("select 1;\n  drop table x")
    assert (problem.code, problem.line, problem.column) == ("multiple_statements", 2, 3)


def test_syntax_errors_have_line_and_column() -> None:
    """The place of the error is that of the word that can't stand there."""
    problem = _refusal("select a\nfrom where")
    assert (problem.code, problem.line, problem.column) == ("sql_syntax", 2, 6)
    for sql, line, column in (("select 'abc", 1, 8), ("select 'a''b',\n  \"c", 2, 3), ("select 1 -- it's\n, /* x", 2, 3)):
        problem = _refusal(sql)
        assert (problem.code, problem.line, problem.column) == ("sql_syntax", line, column), sql
    problem = _refusal("with x as (\n delete from t) select 1")
    assert (problem.code, problem.line, problem.column) == ("statement_not_allowed", 2, 2)
    assert _refusal("select `a` from t").detail.startswith("`")
    assert (_refusal("select a::int from t").code, _refusal("select 'abc").code, _refusal("").code) == ("sql_syntax",) * 3


@pytest.mark.parametrize(
    "sql",
    [
        "(" * 4096, "select " + "(" * 2000 + "1" + ")" * 2000, "select " + "- " * 30000 + "1", "select " + "not " * 15000 + "true",
        "select " + "case when " * 6000, "select " + "array[" * 9000, "select 1 " + "union select 1 " * 4000, "select " + "f(" * 30000,
    ],
)  # fmt: skip
def test_hostile_nesting_is_answered_fast(sql: str) -> None:
    """What would exhaust a parser's stack is a syntax error within a second, not a crash."""
    began = time.thread_time()
    problem = _answer(sql)
    assert problem is None or problem.code in ("sql_syntax", "sql_too_long")
    assert time.thread_time() - began < 2


def test_four_kilobytes_of_parentheses_take_less_than_a_tenth_of_a_second() -> None:
    """The depth is counted before anything is parsed."""
    began = time.thread_time()
    assert _refusal("select " + "(" * 2048 + ")" * 2048).code == "sql_syntax"
    assert time.thread_time() - began < 0.1


def test_length_is_capped() -> None:
    """64 KiB and 5,000 words are read, one more of either is refused before parsing."""
    assert parse_statement("select '" + "é" * 32_000 + "'").kind is StatementKind.QUERY
    assert parse_statement("select 1" + ",1" * 2499).kind is StatementKind.QUERY
    for sql in ("select '" + "é" * 32_768 + "'", "select 1" + ",1" * 2500):
        with pytest.raises(SqlTooLong):
            parse_statement(sql)


def test_show_and_describe() -> None:
    """SHOW and DESCRIBE are read by their own grammar; EXPLAIN holds only a query."""
    assert parse_statement("show tables in sales 'a*|b'").show is not None
    described = parse_statement("DESCRIBE `sales`.t").show
    assert described is not None
    assert (described.database, described.table) == ("sales", "t")
    assert parse_statement("explain (type validate) select 1").kind is StatementKind.EXPLAIN
    assert _refusal("explain show tables").code == "statement_not_allowed"
    assert _refusal("SHOW PARTITIONS t").detail.startswith("SHOW PARTITIONS")
