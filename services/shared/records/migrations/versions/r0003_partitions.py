"""What a version is partitioned by, and views in the catalog."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns; versions and tables that exist have neither."""
    op.add_column("dataset_versions", sa.Column("partition_by", sa.JSON(none_as_null=True), nullable=False, server_default="[]"))
    op.add_column("catalog_tables", sa.Column("view", sa.Text(), nullable=True))
