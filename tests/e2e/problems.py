"""What a problem has to be: named, numbered, and about the value that is wrong."""

from __future__ import annotations

from typing import Any

import httpx

MEDIA_TYPE = "application/problem+json"


def check(answer: httpx.Response, status: int, code: str, *needles: str) -> dict[str, Any]:
    """Hold an answer to a status and a code, its detail to words it must say; return the problem."""
    assert answer.headers["content-type"].split(";")[0] == MEDIA_TYPE, answer.text[:500]
    problem = dict(answer.json())
    assert answer.status_code == status, problem
    check_document(problem, status, code, *needles)
    return problem


def check_document(problem: dict[str, Any] | None, status: int, code: str, *needles: str) -> None:
    """Hold the problem that a failed job or query stores to the same."""
    assert problem is not None
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert problem["type"].endswith(f"#{code}")
    assert problem["title"]
    assert problem["instance"].startswith("/")
    for needle in needles:
        assert needle in problem["detail"], problem
    assert "Traceback" not in problem["detail"]
    assert "/home/" not in problem["detail"]
