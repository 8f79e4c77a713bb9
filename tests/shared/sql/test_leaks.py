"""Only SQL that reads passes: the guide's writes, mutated, leak nothing."""

from __future__ import annotations

import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from services.shared.errors import Problem
from services.shared.sql.guard import parse_statement
from tests.corpora import folder

_READS = ("SELECT", "WITH", "VALUES", "SHOW", "DESCRIBE", "EXPLAIN")
_SPACES = (" ", "\n", "\t", "/**/ ", "/* select 1 */", "--x\n", "\u00a0", "\u2003", "\u3000 ", "  ")
_AROUND = (
    "{}", "({})", "EXPLAIN {}", "EXPLAIN ANALYZE {}", "EXPLAIN (TYPE VALIDATE) {}", "WITH x AS ({}) SELECT 1", "SELECT * FROM ({})", "{};",
    "{} ; ;", "SELECT 1; {}", "{}; SELECT 1", "/* SELECT */ {}", "-- SELECT 1\n{}", "\ufeff{}", "SELECT (({}))", "SELECT 1 UNION ALL {}",
    "SELECT EXISTS ({})", "VALUES ({})", "SHOW {}", "DESCRIBE {}", "WITH x AS (SELECT 1) {}", "{} UNION SELECT 1",
)  # fmt: skip
_TRIED = {"mutations": 0, "leaks": 0}


def _writes() -> list[str]:
    found: list[dict[str, str]] = json.loads((folder() / "athena-sql" / "athena_user_guide_sql.json").read_text())
    return [each["sql"] for each in found if each["kind"] not in _READS]


def _mutated(sql: str, chance: random.Random) -> str:
    written = "".join(chance.choice(_SPACES) if c == " " and chance.random() < 0.3 else chance.choice((c.upper(), c.lower(), c)) for c in sql)
    whole = written.rstrip().rstrip(";")
    around = chance.choice(_AROUND)
    if around == "SELECT * FROM ({})" and len(sql.split()) == 2:  # `FROM (vacuum t)` reads a table named vacuum
        around = "{}"
    return around.format(whole)


@given(st.integers(min_value=0, max_value=228), st.integers(min_value=0))
@settings(max_examples=400, deadline=None)
def test_no_mutation_of_a_write_passes(place: int, seed: int) -> None:
    """Case, comments, Unicode spaces, nesting, EXPLAIN and further statements around the guide's 229 writes: no write is taken for a read."""
    sql = _mutated(_writes()[place], random.Random(seed))
    _TRIED["mutations"] += 1
    try:
        statement = parse_statement(sql)
    except Problem:
        return
    _TRIED["leaks"] += 1
    raise AssertionError((statement.kind, sql))


def test_the_figure() -> None:
    """How many were tried is printed, and none leaked."""
    print(f"{_TRIED['mutations']} mutations of {len(_writes())} writes tried, {_TRIED['leaks']} leaked")
    assert _TRIED["leaks"] == 0
