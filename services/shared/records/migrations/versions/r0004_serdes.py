"""How the files of a version are written, and the SerDe of a catalog's table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; versions that exist are Parquet, and their tables have no SerDe to name."""
    op.add_column("dataset_versions", sa.Column("format", sa.String(16), nullable=False, server_default="parquet"))
    op.add_column("dataset_versions", sa.Column("serde", sa.String(32), nullable=True))
    op.add_column("catalog_tables", sa.Column("serde", sa.JSON(none_as_null=True), nullable=True))
