"""The page of problems, as the api serves it."""

from __future__ import annotations

import re
from pathlib import Path

from services.api.problem_page import render
from services.shared.errors import TooManyRejects
from tests.api.house import House
from tests.docs.test_pages import problem_types


def test_a_problem_s_type_leads_to_what_to_do(api: House) -> None:
    """A client that follows `type` finds the code's place on a page that says what to do."""
    problem = api.http.get("/v1/jobs/job_nobody").json()
    address, place = problem["type"].split("#")
    page = api.http.get(address)
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    entry = re.search(rf'<dt id="{place}">.*?</dd>', page.text)
    assert entry is not None
    assert "<strong>404</strong> · There is no such job. " in entry.group()
    assert "<code>GET /v1/jobs</code>" in entry.group()


def test_every_code_has_its_place() -> None:
    """No `type` leads nowhere, and no text is shown as it is marked."""
    page = render()
    assert set(re.findall(r'<dt id="(\w+)">', page)) >= {problem.code for problem in problem_types()}
    assert "**" not in page
    assert "`" not in page


def test_the_page_is_text(tmp_path: Path) -> None:
    """Whatever the page says is shown, never run; a page that is missing leaves what the code knows."""
    hostile = tmp_path / "problems.md"
    hostile.write_text('# Problems\n\n## too_many_rejects\n\n**422** · <script>alert("`x`")</script>\n')
    assert "<script>" not in render(hostile)
    assert "&lt;script&gt;" in render(hostile)
    assert f"<strong>422</strong> · {TooManyRejects.title}." in render(tmp_path / "absent.md")
