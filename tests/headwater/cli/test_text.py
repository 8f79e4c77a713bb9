"""Words and figures of the command line."""

from __future__ import annotations

import pytest

from headwater.cli.statements import read_parameter
from headwater.cli.text import cell, clean, count, duration, parse_size, size


@pytest.mark.parametrize(
    ("text", "value"), [("500000", 500_000), ("10GB", 10**10), ("1.5 GiB", 3 << 29), ("2k", 2000), ("7 B", 7), ("1TiB", 1 << 40)]
)
def test_sizes_are_read(text: str, value: int) -> None:
    """A size may have a unit of thousands or of 1024."""
    assert parse_size(text) == value


@pytest.mark.parametrize("text", ["", "much", "-1", "1 XB", "0x10"])
def test_other_texts_are_no_sizes(text: str) -> None:
    """What is no size is refused by name."""
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


def test_a_terminal_is_not_fooled() -> None:
    """No cell can move the cursor, ring, turn text round or break a line."""
    assert clean("a\x1b[31m\nb\a\u202e\x9b") == "a\\x1b[31m\\nb\\x07\\u202e\\x9b"
    assert clean("Zoë 🌊 tab\tend") == "Zoë 🌊 tab\\tend"
    assert clean("\ud800") == "\\ud800"


def test_null_is_not_a_text() -> None:
    """NULL, the text NULL and the empty text are told apart, and a long cell says that it was cut."""
    assert [cell(value, width=6).plain for value in (None, "NULL", "", True, "abcdefg", "abcdef")] == [
        "NULL",
        '"NULL"',
        "",
        "true",
        "abcde…",
        "abcdef",
    ]


def test_figures_are_said_as_people_do() -> None:
    """Counts have their nouns, sizes and times their units."""
    assert [count(1, "row"), count(1204, "row"), count(None, "row")] == ["1 row", "1,204 rows", "? rows"]
    assert [size(None), size(12), size(1_500), size(2_000_000_000)] == ["?", "12 B", "1.5 kB", "2.0 GB"]
    assert [duration(None), duration(12), duration(1500), duration(61_000)] == ["?", "12 ms", "1.5 s", "1 min 1 s"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("42", 42), ("1.5", 1.5), ("true", True), ("null", None), ('"42"', "42"), ("02000", "02000"), ("NaN", "NaN"), ("", "")],
)
def test_parameters_have_types(text: str, value: object) -> None:
    """What is a JSON scalar is that; everything else, leading zeros too, is text."""
    found = read_parameter(text)
    assert (found, type(found)) == (value, type(value))
