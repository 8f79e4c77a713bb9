"""Indexes for the figures of jobs, and the trace that a job belongs to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the indexes."""
    op.add_column("jobs", sa.Column("traceparent", sa.String(length=64), nullable=True))
    op.create_index("ix_jobs_figures", "jobs", ["kind", "state"], unique=False)
    op.create_index("ix_jobs_started", "jobs", ["started_at", "kind", "queued_at"], unique=False)
