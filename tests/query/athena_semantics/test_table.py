from __future__ import annotations

import pytest

from tests.query.athena_semantics.case import Case
from tests.query.athena_semantics.page import PAGE, Outcomes, judge_all, with_figures
from tests.query.athena_semantics.table import SUBJECTS
from tests.query.athena_semantics.verdict import Bench, Verdict


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    return judge_all(tmp_path_factory.mktemp("semantics"))


@pytest.mark.parametrize("name", [subject.name for subject in SUBJECTS])
def test_every_answer_is_trinos_or_a_refusal_by_name(outcomes: Outcomes, name: str) -> None:
    """Type, value and NULL-ness of every cell are what the documentation says, or the statement is refused; never another answer."""
    assert [(case.sql, outcome.said) for case, outcome in outcomes[name] if outcome.verdict is Verdict.WRONG] == []


def test_the_page_has_the_figures(outcomes: Outcomes) -> None:
    """docs/sql.md counts what is right and lists what is refused, as it is (`python -m tests.query.athena_semantics.page` writes it)."""
    assert PAGE.read_text() == with_figures(PAGE.read_text(), outcomes)


def test_the_table_is_one() -> None:
    """Each case stands once, has an answer or a failure, and a link to the page that gives it."""
    cases = [case for subject in SUBJECTS for case in subject.cases]
    assert len(cases) >= 250
    assert len({case.sql for case in cases}) == len(cases)
    assert all(bool(case.types) != bool(case.problems) and case.link.startswith("https://") for case in cases)


@pytest.mark.parametrize(
    "case",
    [
        Case("1", ("int",), (("2",),)),
        Case("1", ("bigint",), (("1",),)),
        Case("'null'", ("string",), ((None,),)),
        Case("1", problems=("sql_invalid",)),
    ],
    ids=["value", "type", "NULL", "failure"],
)
def test_another_answer_is_seen(bench: Bench, case: Case) -> None:
    """A wrong value, type or NULL, and an answer where Trino fails, are told from a right one."""
    assert bench.judge(case).verdict is Verdict.WRONG
