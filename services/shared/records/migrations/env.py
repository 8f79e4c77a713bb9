"""Alembic's environment: migrations run in the transaction they are given."""

from __future__ import annotations

from alembic import context

from services.shared.records.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
