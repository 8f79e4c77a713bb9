"""The query service's tasks."""

from __future__ import annotations

from functools import partial

from services.query.app import app, service
from services.query.export_step import export_step
from services.query.step import query_step


@app.task(name="headwater.query")
def query(job_id: str) -> None:
    """Run one query."""
    service().runner.execute(job_id, partial(query_step, service()))


@app.task(name="headwater.export")
def export(job_id: str) -> None:
    """Make one export."""
    service().runner.execute(job_id, partial(export_step, service()))
