"""Saved queries; what a query may scan, what it read and whose result it shares; turns of the workspaces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; a message without a due time waits for its turn."""
    op.create_table(
        "saved_queries",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("sql", sa.Text(), nullable=False),
        sa.Column("database", sa.String(length=255), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_queries")),
        sa.UniqueConstraint("workspace", "name", name=op.f("uq_saved_queries_workspace_name")),
    )
    op.create_index("ix_saved_queries_list", "saved_queries", ["workspace", "created_at", "id"], unique=False)
    op.create_table(
        "lane_turns",
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("served_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lane", "workspace", name=op.f("pk_lane_turns")),
    )
    op.execute("INSERT INTO lane_turns (lane, workspace, served_at) VALUES ('interactive', '', 0), ('background', '', 0)")
    op.add_column("jobs", sa.Column("lane", sa.String(length=16), nullable=True))
    op.create_index("ix_jobs_finished", "jobs", ["kind", "finished_at"], unique=False)
    op.execute("UPDATE jobs SET lane = 'background' WHERE kind = 'export'")
    op.execute("UPDATE jobs SET lane = 'background' WHERE kind = 'query' AND id IN (SELECT id FROM queries WHERE origin <> 'user')")
    op.execute("UPDATE jobs SET lane = 'interactive' WHERE kind = 'query' AND lane IS NULL")
    with op.batch_alter_table("outbox") as outbox:
        outbox.alter_column("due_at", existing_type=sa.BigInteger(), nullable=True)
    for name, kind in (
        ("bytes_bound", sa.BigInteger()),
        ("max_bytes_scanned", sa.BigInteger()),
        ("statement_digest", sa.String(length=64)),
        ("reads", sa.JSON(none_as_null=True)),
        ("reuse_key", sa.String(length=64)),
        ("reused_from", sa.String(length=40)),
    ):
        op.add_column("queries", sa.Column(name, kind, nullable=True))
    op.create_index("ix_queries_expiry", "queries", ["freed_at", "expires_at"], unique=False)
    op.create_index("ix_queries_reuse", "queries", ["workspace", "reuse_key"], unique=False)
    op.create_index("ix_queries_prefix", "queries", ["result_prefix"], unique=False)
