"""Which type a column gets: every row and trap of the type table."""

from __future__ import annotations

import pytest

from tests.worker.profile.runs import column

TRAPS = {
    "canonical integers are bigint": (["1", "-5", "9223372036854775807", "-9223372036854775808"], "bigint"),
    "leading zeros stay text": (["02000", "10115"], "string"),
    "a lone zero is an integer": (["0", "7"], "bigint"),
    "a plus stays text": (["+1", "2"], "string"),
    "thousands marks stay text": (["1,000", "2,000"], "string"),
    "2^63 is no bigint": (["9223372036854775808", "1"], "decimal(19,0)"),
    "below -2^63 is no bigint": (["-9223372036854775809"], "decimal(19,0)"),
    "ids of 20 digits become decimal": (["12345678901234567890"], "decimal(20,0)"),
    "minus zero is no canonical integer": (["-0", "1"], "decimal(1,0)"),
    "plain decimals take the widest shape": (["1.5", "100.25", "-7"], "decimal(5,2)"),
    "a fraction keeps room for one digit before the point": (["0.05", "0.5"], "decimal(3,2)"),
    "38 digits fit": (["1" * 38], "decimal(38,0)"),
    "38 digits after the point fit": (["0." + "1" * 38], "decimal(38,38)"),
    "39 digits are text": (["1" * 39], "string"),
    "38 digits over the whole column, not cell by cell": (["1" * 30, "0." + "1" * 20], "string"),
    "an exponent is only double": (["1e5", "2.5"], "double"),
    "a padded exponent stays text": (["01e5"], "string"),
    "inf and nan are double": (["1.5e0", "inf", "-Infinity", "NaN"], "double"),
    "more than 17 significant digits are never double": (["1e0", "0.123456789012345678"], "string"),
    "9007199254740993 is not reproduced by a double": (["1e0", "9007199254740993"], "string"),
    "too large for a double": (["1e999"], "string"),
    "too small for a double": (["1e-999"], "string"),
    "booleans in any case": (["true", "FALSE", "True"], "boolean"),
    "t and f are text": (["t", "f"], "string"),
    "yes and no are text": (["yes", "no"], "string"),
    "0 and 1 are integers": (["0", "1"], "bigint"),
    "ISO dates": (["2024-02-29", "1999-12-31"], "date"),
    "a day that does not exist stays text": (["2023-02-29", "2024-01-01"], "string"),
    "two-digit years never": (["31/12/24", "30/11/24"], "string"),
    "two-digit ISO years never": (["24-01-31"], "string"),
    "timestamps with T or space": (["2024-01-01T10:00:00", "2024-01-01 10:00:00.5"], "timestamp"),
    "trailing zeros of a fraction are dropped": (["2024-01-01T10:00:00.123000000"], "timestamp"),
    "microseconds stay text": (["2024-01-01T10:00:00.123456"], "string"),
    "offsets become UTC": (["2024-01-01T10:00:00+02:00", "2024-01-01T10:00:00Z"], "timestamp"),
    "mixed with and without offset stays text": (["2024-01-01T10:00:00Z", "2024-01-01T10:00:00"], "string"),
    "dates among timestamps stay text": (["2024-01-01T10:00:00", "2024-01-01"], "string"),
    "25 o'clock stays text": (["2024-01-01T25:00:00"], "string"),
    "surrounding spaces stay text": ([" 1", "2 "], "string"),
    "hexadecimal stays text": (["0x1F", "0x20"], "string"),
    "digits of other scripts stay text": (["١٢٣"], "string"),
    "underscores stay text": (["1_000"], "string"),
    "a bare point stays text": ([".", "1"], "string"),
    "a trailing point stays text": (["5.", "1"], "string"),
    "nothing but nulls is string": ([None, None], "string"),
    "nothing but tokens is string": (["NA", "-"], "string"),
}


@pytest.mark.parametrize(("cells", "expected"), TRAPS.values(), ids=TRAPS.keys())
def test_a_column_gets_the_type_that_keeps_its_meaning(cells: list[str | None], expected: str) -> None:
    """Each row of the type table, and each trap beside it, decides as the page says."""
    found = column(cells)

    assert found.type == expected


def test_null_tokens_are_null_in_a_typed_column() -> None:
    """NA in a column of numbers is NULL, and not a failure of its type."""
    found = column(["1", "NA", None, "-", "3", ""])

    assert (found.type, found.nulls, found.empty, found.distinct) == ("bigint", 4, 1, 2)
    assert found.casts["bigint"].fails == 0


def test_null_tokens_stay_text_in_a_string_column() -> None:
    """NA is Namibia in a column of countries."""
    found = column(["DE", "NA", None])

    assert (found.type, found.nulls, found.distinct, found.max) == ("string", 1, 2, "NA")


def test_null_values_that_were_asked_for_are_null_everywhere() -> None:
    """What the user calls NULL is NULL in string columns too, and the default tokens then mean nothing."""
    found = column(["DE", "n/a", "NA"], null_values=["n/a"])

    assert (found.nulls, found.distinct) == (1, 2)


def test_one_order_that_fits_the_whole_column_is_taken() -> None:
    """A day above 12 proves day/month/year."""
    found = column(["01/02/2024", "31/12/2024"])

    assert (found.type, found.format, found.min, found.max) == ("date", "%d/%m/%Y", "2024-02-01", "2024-12-31")
    assert found.normalised == 2


def test_two_orders_that_fit_are_asked() -> None:
    """While no day is above 12 the column stays text and both orders are offered."""
    found = column(["01/02/2024", "11/12/2024"])

    assert (found.type, found.format) == ("string", None)
    assert [found.casts[f"date({order})"].fails for order in ("%d/%m/%Y", "%m/%d/%Y")] == [0, 0]


def test_contradicting_orders_stay_text() -> None:
    """A column with days above 12 on both places has no order."""
    found = column(["31/01/2024", "01/31/2024"])

    assert found.type == "string"
    assert not [name for name in found.casts if "%" in name]


def test_an_order_with_a_clock_is_a_timestamp() -> None:
    """Day, month, year and time of day make a timestamp with a format."""
    found = column(["31.12.2024 23:59", "1.2.2024 00:00"])

    assert (found.type, found.format, found.max) == ("timestamp", "%d.%m.%Y %H:%M", "2024-12-31T23:59:00")


def test_a_near_miss_names_its_first_failures() -> None:
    """The casts count every failure and show the first five with their lines."""
    found = column([str(row) if row % 10 else f"x{row}" for row in range(100)])

    cast = found.casts["bigint"]
    assert cast.fails == 10
    assert [(failure.line, failure.value) for failure in cast.first_failures] == [(row + 2, f"x{row}") for row in (0, 10, 20, 30, 40)]
