"""Parameters: each in its own place, by its type, and never a part of the SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.shared.errors import ParameterMismatch
from services.shared.sql.guard import parse_statement
from services.shared.sql.parameters import Parameter, with_parameters
from services.shared.sql.show import Schemas
from services.shared.sql.translate import translate

_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")),
)


def run(catalog: Schemas, connection: Any, sql: str, parameters: Sequence[Parameter]) -> list[tuple[Any, ...]]:
    """Return the rows."""
    statement = with_parameters(parse_statement(sql), parameters)
    return list(connection.execute(translate(statement, catalog, database="sales").sql).fetchall())


@pytest.mark.parametrize(
    ("sql", "parameters", "rows"),
    [
        ("WITH w AS (SELECT ? AS x) SELECT x, ? FROM w WHERE x = ? LIMIT ?", [1, "b", 1, 5], [(1, "b")]),
        ("SELECT ? FROM (VALUES 1, 2, 3) t (a) WHERE a > ? ORDER BY a OFFSET ? LIMIT ?", ["x", 1, 1, 7], [("x",)]),
        ("SELECT count(*) FROM (VALUES 1, 2, 3) t (a) GROUP BY a > ? HAVING count(*) > ? LIMIT ?", [1, 1, 9], [(2,)]),
        ("SELECT CASE WHEN ? THEN ? ELSE ? END", [False, "yes", "no"], [("no",)]),
        ("SELECT a FROM (VALUES 1, 2, 3) t (a) WHERE a BETWEEN ? AND ? AND a IN (?, ?) ORDER BY 1", [2, 3, 3, 4], [(3,)]),
        ("SELECT ? UNION ALL (SELECT ? LIMIT ?)", [1, 2, 1], [(1,), (2,)]),
        ("SELECT filter(ARRAY[1, 2, 3], x -> x > ?), coalesce(?, ?)", [1, None, "z"], [([2, 3], "z")]),
        ("SELECT CAST(? AS decimal(20,2)), CAST(? AS date) = DATE '2020-02-29'", ["123456789012345678.05", "2020-02-29"], None),
        ("SELECT a FROM (VALUES (1, 2), (2, 1)) t (a, b) ORDER BY a, ?", [2], [(1,), (2,)]),
    ],
)
def test_each_has_its_own_place(catalog: Schemas, connection: Any, sql: str, parameters: list[Parameter], rows: list[Any] | None) -> None:
    """The first value is the first mark's, wherever the tree holds it; decimals and dates keep every digit as texts under a CAST."""
    found = run(catalog, connection, sql, parameters)
    if rows is None:
        assert [tuple(map(str, row)) for row in found] == [("123456789012345678.05", "True")]
    else:
        assert found == rows


@pytest.mark.parametrize(
    ("sql", "parameters", "words"),
    [
        ("SELECT ?", [], "1 placeholders, 0 parameters"),
        ("SELECT 1", [1], "0 placeholders, 1 parameters"),
        ("SELECT '?', \"?\" FROM t -- ?", [1], "0 placeholders, 1 parameters"),
        ("SELECT ?", [2**63], "larger than a bigint"),
        ("SELECT ?", [float("inf")], "Parameter 1 is inf"),
        ("SHOW TABLES", [1], "0 placeholders, 1 parameters"),
    ],
)
def test_what_does_not_fit_is_refused(sql: str, parameters: list[Parameter], words: str) -> None:
    """The problem names both numbers, or the value."""
    with pytest.raises(ParameterMismatch, match=words):
        with_parameters(parse_statement(sql), parameters)


@settings(max_examples=300, deadline=None)
@given(st.lists(_VALUES, min_size=1, max_size=5))
def test_a_value_is_a_value(catalog: Schemas, connection: Any, values: list[Parameter]) -> None:
    """Whatever a value holds, the statement has as many columns as marks, and each is that value, of its type."""
    row = run(catalog, connection, "SELECT " + ", ".join("?" for _ in values), values)[0]
    assert [type(found) for found in row] == [type(value) for value in values]
    assert list(row) == values
