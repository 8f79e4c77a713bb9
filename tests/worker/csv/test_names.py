"""Column names as Athena takes them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.worker.csv.names import MAX_NAME_BYTES, column_names


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("id", "id"),
        ("Order ID", "order_id"),
        ("  Größe (cm) ", "grosse_cm"),
        ("naïve café", "naive_cafe"),
        ("2019", "_2019"),
        ("amount %", "amount_pct"),
        ("東京", "column_1"),
        ("", "column_1"),
        ("a" * 300, "a" * 255),
        ("__x__", "__x__"),
    ],
)
def test_one_name(source: str, name: str) -> None:
    """A source name becomes lower case, Latin and plain, or `column_n` when nothing is left of it."""
    assert column_names([source]) == [name]


def test_collisions_are_numbered() -> None:
    """The second of a name gets `_2`, the third `_3`, and none takes a name that another column asks for."""
    assert column_names(["A", "a", "a ", "a_2", ""]) == ["a", "a_3", "a_4", "a_2", "column_5"]


@given(st.lists(st.text(max_size=8), max_size=20))
def test_any_names_become_legal_and_unique(sources: list[str]) -> None:
    """Whatever the header holds, the table's names obey the rule, and the same header gives the same names."""
    names = column_names(sources)
    assert len(set(names)) == len(names) == len(sources)
    assert all(re.fullmatch(r"[a-z_][a-z0-9_]*", name) and len(name) <= MAX_NAME_BYTES for name in names)
    assert column_names(sources) == names
