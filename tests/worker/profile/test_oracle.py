"""The profile against an oracle in plain Python, over generated tables."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.worker.profile.model import Profile
from tests.worker.profile.oracle import agree, expect
from tests.worker.profile.runs import RFC, profile, profile_with_rejects, table

NUMBERS = st.one_of(
    st.integers().map(str),
    st.integers(-(2**63) - 3, 2**63 + 3).map(str),
    st.sampled_from(
        ["0", "-0", "-0.00", "00", "007", "+1", "1.", ".5", "-.5", "-", "--1", "1-", "1.2.3", "1e", "e5", "1e+5", "1E-7", "0e0", "-e1", "1e1e1"]
    ),
    st.decimals(allow_nan=False, allow_infinity=False).map(lambda value: format(value, "f")),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9).map(str),
    st.floats().map(repr),
    st.from_regex(r"-?[0-9]{1,45}(\.[0-9]{0,45})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
)
TIMES = st.one_of(
    st.dates().map(str),
    st.datetimes().map(lambda value: value.isoformat(sep=" ")),
    st.datetimes(timezones=st.timezones()).map(lambda value: value.isoformat()),
    st.from_regex(r"[0-2]\d{3}-[01]\d-[0-3]\d([T ][0-2]\d:[0-6]\d(:[0-6]\d(\.\d{1,12})?)?(Z|[+-][01]\d(:?[0-6]\d)?)?)?", fullmatch=True).filter(
        str.isascii
    ),
)
WORDS = st.one_of(
    st.sampled_from(["true", "False", "TRUE", "tru", "truee", "NA", "null", "NULL", "None", "N/A", "nan", "-inf", "INFINITY", "in", ""])
)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), max_size=90)
CELLS = {"numbers": NUMBERS, "times": TIMES, "words": WORDS, "text": TEXT, "all": st.one_of(NUMBERS, TIMES, WORDS, TEXT)}


@pytest.mark.parametrize("kind", CELLS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_generated_column_is_profiled_as_the_oracle_does(kind: str, data: st.DataObject) -> None:
    """Type, nulls, extremes, lengths, distinct values and every cast's failures agree, whatever the cells hold."""
    one = st.one_of(st.none(), CELLS[kind])
    cells = data.draw(st.one_of(st.lists(one, min_size=1, max_size=40), st.lists(CELLS[kind], min_size=1, max_size=4)))

    found = profile(table([["n", "c"], *([str(row), cell] for row, cell in enumerate(cells))]), dialect=RFC)

    assert found.records == len(cells)
    agree(found.columns[1], expect(cells))


def test_rejected_records_are_counted_and_handed_on() -> None:
    """A record with too many fields is in no statistic, and stands with its line and code in the rejects."""
    found, rejects = profile_with_rejects(b"a,b\n1,2\n3,4,5\n6\n7,8\n", dialect=RFC)

    assert (found.records, found.rejected_records) == (2, 2)
    assert [(reject.line, reject.code) for reject in rejects] == [(3, "too_many_fields"), (4, "too_few_fields")]
    assert totals(found) == 5


def totals(found: Profile) -> int:
    """Sum every kind of record."""
    return found.records + found.header_records + found.preamble_records + found.comment_records + found.blank_records + found.rejected_records
