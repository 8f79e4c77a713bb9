"""A job: work that was accepted, its state, and the attempt that owns it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping

from services.shared.jobs.turns import Lane


class Kind(StrEnum):
    """What a job does; a query is a job whose id starts with `qry_`."""

    PROFILE = "profile"
    PUBLISH = "publish"
    EXPORT = "export"
    DROP = "drop"
    QUERY = "query"


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = (State.SUCCEEDED, State.FAILED, State.CANCELLED)
QUEUES: Mapping[Kind, str] = {
    Kind.PROFILE: "profile",
    Kind.PUBLISH: "publish",
    Kind.EXPORT: "query",
    Kind.DROP: "housekeeping",
    Kind.QUERY: "query",
}
OWN_WORK = "job"  # the resource type of what one job has another do: it is cancelled when the one ends without success
ID_PREFIX: Mapping[Kind, str] = {kind: "qry" if kind is Kind.QUERY else "job" for kind in Kind}


@dataclass(frozen=True)
class Job:
    """One row of the records; `attempt` is the fencing token that every write of a running job names."""

    id: str
    workspace: str
    owner: str
    created_at: datetime
    kind: Kind
    lane: str | None
    state: State
    phase: str | None
    resource_type: str
    resource_id: str
    params: dict[str, Any]
    request_id: str | None
    attempt: int
    failures: int
    lease_until: datetime | None
    checkpoint: dict[str, Any] | None
    progress: dict[str, Any] | None
    waits_on: str | None
    waits_for_bytes: int | None
    not_before: datetime | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    heartbeat_at: datetime | None
    cancel_requested_at: datetime | None
    traceparent: str | None = None

    @property
    def finished(self) -> bool:
        """Whether the job has ended."""
        return self.state in TERMINAL


def job_from(row: RowMapping) -> Job:
    """Return the job of a row of `jobs`."""
    values = {field.name: row[field.name] for field in fields(Job)}
    return Job(**{**values, "kind": Kind(values["kind"]), "state": State(values["state"])})


@dataclass(frozen=True)
class NewJob:
    """What a job is made of."""

    kind: Kind
    resource_type: str
    resource_id: str
    params: dict[str, Any]
    request_id: str | None = None
    id: str | None = None
    waits_on: str | None = None
    waits_for_bytes: int | None = None
    phase: str | None = None
    lane: Lane | None = None


@dataclass(frozen=True)
class Wait:
    """What a job waits for: another job's end (`on` alone), or an upload's bytes (`on` and `for_bytes`)."""

    on: str
    for_bytes: int | None = None
