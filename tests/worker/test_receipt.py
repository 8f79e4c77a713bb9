"""The queries of a receipt: each is one that the query service takes."""

from __future__ import annotations

import pytest

from services.shared.sql.guard import DEFAULT_MAX_SQL_BYTES, MAX_WORDS, count_words, parse_statement
from services.worker.publish.statistics import Statistics
from services.worker.receipt import Checked, receipt_queries

TYPES = ["boolean", "bigint", "decimal(38,2)", "double", "date", "timestamp", "string"]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", ["a", "n" * 250])
def test_a_wide_table_is_read_in_statements_that_are_taken(kind: str, name: str) -> None:
    """Three thousand columns, of the shortest names or the longest: no statement is too long, all but the last are full, a figure is asked once."""
    columns = [Checked(f"{name}{position}", kind, kind, 0, Statistics()) for position in range(3_000)]
    statements = receipt_queries("headwater", "wide", columns, rows=10)
    for statement in statements:
        parse_statement(statement)
    for full in statements[:-1]:
        assert len(full) > 0.9 * DEFAULT_MAX_SQL_BYTES or count_words(full) > 0.9 * MAX_WORDS
    assert sum(statement.count(" AS u") for statement in statements) == 3_000
