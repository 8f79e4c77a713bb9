"""The error tree of the client: whatever goes wrong is a HeadwaterError, and carries the server's problem where there is one.

HeadwaterError
├── CannotConnect     nothing answers, or what answers is not a Headwater
├── Refused           the server answered with a problem
├── Failed            a job, a query or an upload was accepted and has failed since
├── Cancelled         a job or a query was cancelled
└── SourceChanged     the file changed while it was sent
"""

from __future__ import annotations

from headwater.client.models import Problem


class HeadwaterError(Exception):
    """What went wrong, in a sentence; `problem` is the server's RFC 9457 document, or None where the server had no part in it."""

    def __init__(self, detail: str, *, problem: Problem | None = None) -> None:
        super().__init__(detail)
        self.problem = problem

    @property
    def code(self) -> str | None:
        """The problem's stable machine word."""
        return None if self.problem is None else self.problem["code"]


class CannotConnect(HeadwaterError):
    """Nothing answers at the address, or what answers is not a Headwater."""


class Refused(HeadwaterError):
    """The server answered with a problem; `status` is the answer's."""

    def __init__(self, problem: Problem, *, retry_after_s: float = 0.0) -> None:
        super().__init__(problem["detail"], problem=problem)
        self.status = problem["status"]
        self.retry_after_s = retry_after_s


class Failed(HeadwaterError):
    """Accepted work has failed; `path` is where its record is."""

    def __init__(self, path: str, problem: Problem | None) -> None:
        super().__init__(f"{path} failed" if problem is None else problem["detail"], problem=problem)
        self.path = path


class Cancelled(HeadwaterError):
    """The job or the query was cancelled, here or elsewhere."""


class SourceChanged(HeadwaterError):
    """The file changed while it was sent, so what arrived is neither the old file nor the new one."""
