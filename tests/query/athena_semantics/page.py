"""The tables of docs/sql.md, written from the cases' verdicts: `python -m tests.query.athena_semantics.page` writes them anew."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.query.athena_semantics.case import Case
from tests.query.athena_semantics.table import SUBJECTS
from tests.query.athena_semantics.verdict import Bench, Outcome, Verdict

PAGE = Path(__file__).resolve().parents[3] / "docs" / "sql.md"
_MARKS = re.compile(r"(<!-- figures -->\n).*?(<!-- end of figures -->)", re.DOTALL)

Outcomes = Mapping[str, tuple[tuple[Case, Outcome], ...]]


def judge_all(root: Path) -> Outcomes:
    """Run every case; the outcomes by the subject's name."""
    bench = Bench(root)
    return {subject.name: tuple((case, bench.judge(case)) for case in subject.cases) for subject in SUBJECTS}


def with_figures(page: str, outcomes: Outcomes) -> str:
    """Return the page with the figures of these outcomes."""
    return _MARKS.sub(lambda marks: marks[1] + _figures(outcomes) + marks[2], page)


def _figures(outcomes: Outcomes) -> str:
    lines = ["| subject | right | refused | documentation |", "| --- | ---: | ---: | --- |"]
    total = Counter[Verdict]()
    for name, judged in outcomes.items():
        count = Counter(outcome.verdict for _, outcome in judged)
        total += count
        links = " · ".join(f"[{_title(link)}]({link})" for link in dict.fromkeys(case.link for case, _ in judged))
        lines.append(f"| {name} | {count[Verdict.RIGHT]} | {count[Verdict.REFUSED]} | {links} |")
    share = 100 * total[Verdict.RIGHT] / max(1, total.total())
    lines.append(f"| **all {total.total()}** | **{total[Verdict.RIGHT]}** ({share:.1f} %) | **{total[Verdict.REFUSED]}** | |")
    lines += ["", "### Refused by name", "", "| statement | refusal |", "| --- | --- |"]
    for judged in outcomes.values():
        lines += [f"| {_code(case.sql)} | {_plain(outcome.said)} |" for case, outcome in judged if outcome.verdict is Verdict.REFUSED]
    return "\n".join(lines) + "\n"


def _title(link: str) -> str:
    return (
        link.rsplit("/", 2)[-2] + "/" + link.rsplit("/", 1)[-1].removesuffix(".html") if "trino.io" in link else "athena/" + link.rsplit("/", 1)[-1]
    )


def _code(sql: str) -> str:
    return f"`{sql.replace('|', chr(92) + '|')}`"


def _plain(said: str) -> str:
    return said.replace("|", "\\|").replace(" is not supported on the embedded engine.", "")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(with_figures(PAGE.read_text(), judge_all(Path(folder))))
