"""Jobs: what may not be done with one, how one ends that nobody could finish, and failures of Headwater's own."""

from __future__ import annotations

from services.shared.errors.problem import Problem


class JobNotFound(Problem):
    code, status, title = "job_not_found", 404, "There is no such job"


class JobNotRetryable(Problem):
    code, status, title = "job_not_retryable", 409, "Only a failed or cancelled job can be tried again"


class JobFinished(Problem):
    code, status, title = "job_finished", 409, "The job has already ended"


class WorkerLost(Problem):
    code, status, title = "worker_lost", 500, "The worker died each time it tried this job"


class InternalError(Problem):
    code, status, title = "internal_error", 500, "Something failed inside Headwater"


class StorageObjectMissing(Problem):
    code, status, title = "object_missing", 500, "A stored object is not where its record says"


class LeaseLost(Exception):
    """Another attempt owns the job now; the holder must stop and change nothing."""
