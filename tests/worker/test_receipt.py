"""The queries of a receipt: each is one that the query service takes."""

from __future__ import annotations

import pytest

from services.shared.sql.guard import parse_statement
from services.worker.publish.statistics import Statistics
from services.worker.receipt import Checked, receipt_queries

TYPES = ["boolean", "bigint", "decimal(38,2)", "double", "date", "timestamp", "string"]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", ["a", "n" * 250])
def test_a_wide_table_is_read_in_statements_that_are_taken(kind: str, name: str) -> None:
    """Three thousand columns, of the shortest names or the longest: no statement has too many bytes or words, and each figure is asked for once."""
    columns = [Checked(f"{name}{position}", kind, kind, 0, Statistics()) for position in range(3_000)]
    statements = receipt_queries("headwater", "wide", columns, rows=10)
    for statement in statements:
        parse_statement(statement)
    assert sum(statement.count(" AS u") for statement in statements) == 3_000
