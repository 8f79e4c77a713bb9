"""Jobs: long work, followed to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

from headwater.client.following import follow, wait
from headwater.client.models import Job, Reject
from headwater.client.transport import Transport

OnJob = Callable[[Job], None]


class Jobs:
    """The jobs of a server."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, job_id: str) -> Job:
        """Return a job."""
        return cast(Job, self._transport.get(f"/v1/jobs/{job_id}"))

    def list(
        self, *, kinds: Sequence[str] = (), states: Sequence[str] = (), resource_id: str | None = None, limit: int | None = None
    ) -> Iterator[Job]:
        """Give the jobs, newest first."""
        return self._transport.items("/v1/jobs", limit=limit, kind=tuple(kinds), state=tuple(states), resource_id=resource_id)

    def follow(self, job_id: str) -> Iterator[Job]:
        """Give each state of a job as it changes, the last one last."""
        return (cast(Job, state) for state in follow(self._transport, f"/v1/jobs/{job_id}"))

    def wait(self, job_id: str, *, on_change: OnJob | None = None) -> Job:
        """Wait for a job and return it; raise Failed or Cancelled if it did not succeed."""
        return wait(self.follow(job_id), path=f"/v1/jobs/{job_id}", what=f"job {job_id}", on_change=on_change)

    def cancel(self, job_id: str) -> Job:
        """Ask a job to stop; asking again changes nothing."""
        return cast(Job, self._transport.patiently(lambda: self._transport.json("POST", f"/v1/jobs/{job_id}/cancel")))

    def retry(self, job_id: str) -> Job:
        """Try a failed or cancelled job again, under the same id."""
        return cast(Job, self._transport.json("POST", f"/v1/jobs/{job_id}/retry"))

    def rejects(self, job_id: str, *, limit: int | None = None) -> Iterator[Reject]:
        """Give what a failed publish would have left out."""
        return self._transport.items(f"/v1/jobs/{job_id}/rejects", limit=limit)
