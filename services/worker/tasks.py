"""The worker's tasks: each takes one step of one job, or one look at the records."""

from __future__ import annotations

from functools import partial

from services.worker.app import app, worker
from services.worker.drop import drop_step
from services.worker.profile.step import profile_step
from services.worker.publish.step import publish_step
from services.worker.reconcile import reconcile as reconcile_records


@app.task(name="headwater.profile")
def profile(job_id: str) -> None:
    """Take one step of a profile."""
    worker().runner.execute(job_id, partial(profile_step, worker()))


@app.task(name="headwater.publish")
def publish(job_id: str) -> None:
    """Take one step of a publish."""
    worker().runner.execute(job_id, partial(publish_step, worker()))


@app.task(name="headwater.drop")
def drop(job_id: str) -> None:
    """Drop a dataset."""
    worker().runner.execute(job_id, partial(drop_step, worker()))


@app.task(name="headwater.reconcile")
def reconcile() -> None:
    """Put right what was left half done."""
    reconcile_records(worker())
