"""The records' tables, in SQL that SQLite and PostgreSQL both speak; every owned row names its workspace and owner."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)


class UtcTime(TypeDecorator[datetime]):
    """A time in UTC, stored as microseconds since 1970, so that both databases compare and index it alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        if value is None:
            return None
        delta = value.astimezone(UTC) - _EPOCH
        return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else datetime.fromtimestamp(value // 1_000_000, UTC).replace(microsecond=value % 1_000_000)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
Json = JSON(none_as_null=True)
metadata = MetaData(naming_convention=_NAMING)


def _owned(name: str, *columns: Any) -> Table:
    return Table(
        name,
        metadata,
        Column("id", String(40), primary_key=True),
        Column("workspace", String(63), nullable=False),
        Column("owner", String(255), nullable=False),
        Column("created_at", UtcTime, nullable=False),
        *columns,
    )


uploads = _owned(
    "uploads",
    Column("filename", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("size", BigInteger),
    Column("offset", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("concat", Text),
    Column("one_shot", Boolean, nullable=False),
    Column("announced_sha256", String(64)),
    Column("sha256", String(64)),
    Column("expires_at", UtcTime),
    Column("touched_at", UtcTime, nullable=False),
    Column("profile_job_id", String(40)),
    Column("profile_id", String(40)),
    Column("error", Json),
    Column("freed_at", UtcTime),
    Index("ix_uploads_list", "workspace", "created_at", "id"),
    Index("ix_uploads_sweep", "state", "expires_at"),
)

upload_parts = Table(
    "upload_parts",
    metadata,
    Column("upload_id", String(40), ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("length", BigInteger, nullable=False),
    Column("crc32", BigInteger, nullable=False),
    Column("source_id", String(40), nullable=False),
    Column("source_offset", BigInteger, nullable=False),
    Index("ix_upload_parts_source", "source_id"),
)

jobs = _owned(
    "jobs",
    Column("kind", String(16), nullable=False),
    Column("lane", String(16)),
    Column("state", String(16), nullable=False),
    Column("phase", String(40)),
    Column("resource_type", String(16), nullable=False),
    Column("resource_id", String(40), nullable=False),
    Column("params", Json, nullable=False),
    Column("request_id", String(64)),
    Column("attempt", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("lease_until", UtcTime),
    Column("checkpoint", Json),
    Column("progress", Json),
    Column("waits_on", String(40)),
    Column("waits_for_bytes", BigInteger),
    Column("not_before", UtcTime),
    Column("result", Json),
    Column("error", Json),
    Column("queued_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("heartbeat_at", UtcTime),
    Column("cancel_requested_at", UtcTime),
    Column("traceparent", String(64)),
    Index("ix_jobs_list", "workspace", "created_at", "id"),
    Index("ix_jobs_due", "state", "lease_until"),
    Index("ix_jobs_waiting", "waits_on"),
    Index("ix_jobs_resource", "resource_id"),
    Index("ix_jobs_figures", "kind", "state"),
    Index("ix_jobs_started", "started_at", "kind", "queued_at"),
    Index("ix_jobs_finished", "kind", "finished_at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("job_id", String(40), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("queue", String(16), nullable=False),
    Column("due_at", UtcTime),
    Column("sends", Integer, nullable=False),
    Column("published_at", UtcTime),
    Index("ix_outbox_due", "due_at"),
)

lane_turns = Table(
    "lane_turns",
    metadata,
    Column("lane", String(16), primary_key=True),
    Column("workspace", String(63), primary_key=True),
    Column("served_at", UtcTime, nullable=False),
)

profiles = _owned(
    "profiles",
    Column("upload_id", String(40), nullable=False),
    Column("job_id", String(40), nullable=False),
    Column("settings", Json, nullable=False),
    Column("key", Text, nullable=False),
    Column("rejects_key", Text),
    Column("head", Json, nullable=False),
    Index("ix_profiles_upload", "upload_id", "created_at"),
)

datasets = _owned(
    "datasets",
    Column("name", String(63), nullable=False),
    Column("live_name", String(130)),
    Column("database", String(255), nullable=False),
    Column("description", Text, nullable=False),
    Column("format", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("version", Integer),
    Column("busy_job_id", String(40)),
    Column("last_job_id", String(40)),
    Column("updated_at", UtcTime, nullable=False),
    UniqueConstraint("live_name"),
    Index("ix_datasets_list", "workspace", "created_at", "id"),
)

dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("dataset_id", String(40), ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("job_id", String(40), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("mode", String(16), nullable=False),
    Column("restored_from", Integer),
    Column("prefix", Text, nullable=False),
    Column("format", String(16), nullable=False, server_default="parquet"),
    Column("serde", String(32)),
    Column("columns", Json, nullable=False),
    Column("partition_by", Json, nullable=False, server_default="[]"),
    Column("files", Integer, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("column_bytes", Json, nullable=False),
    Column("statistics", Json, nullable=False),
    Column("upload_id", String(40)),
    Column("profile_id", String(40)),
    Column("source", Json, nullable=False),
    Column("receipt", Json, nullable=False),
    Column("rejects_key", Text),
    Column("crawl", Json, nullable=False),
    Column("replaced_at", UtcTime),
    Column("freed_at", UtcTime),
    Index("ix_dataset_versions_upload", "upload_id"),
)

queries = Table(
    "queries",
    metadata,
    Column("id", String(40), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("workspace", String(63), nullable=False),
    Column("owner", String(255), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("sql", Text, nullable=False),
    Column("database", String(255), nullable=False),
    Column("engine", String(16), nullable=False),
    Column("execution_id", String(128)),
    Column("statistics", Json),
    Column("columns", Json),
    Column("result_prefix", Text),
    Column("result_bytes", BigInteger),
    Column("result_rows", BigInteger),
    Column("expires_at", UtcTime),
    Column("freed_at", UtcTime),
    Column("bytes_bound", BigInteger),
    Column("max_bytes_scanned", BigInteger),
    Column("statement_digest", String(64)),
    Column("reads", Json),
    Column("reuse_key", String(64)),
    Column("reused_from", String(40)),
    Index("ix_queries_expiry", "freed_at", "expires_at"),
    Index("ix_queries_reuse", "workspace", "reuse_key"),
    Index("ix_queries_prefix", "result_prefix"),
)

saved_queries = _owned(
    "saved_queries",
    Column("name", String(255), nullable=False),
    Column("description", Text, nullable=False),
    Column("sql", Text, nullable=False),
    Column("database", String(255)),
    Column("updated_at", UtcTime, nullable=False),
    UniqueConstraint("workspace", "name"),
    Index("ix_saved_queries_list", "workspace", "created_at", "id"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("workspace", String(63), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("resource_id", String(40)),
    Column("answer", Json),
)

audit = Table(
    "audit",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("workspace", String(63), nullable=False),
    Column("actor", String(255), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("action", String(40), nullable=False),
    Column("resource_id", String(40), nullable=False),
    Column("request_id", String(64)),
    Column("detail", Json),
    Index("ix_audit_list", "workspace", "at"),
)

catalog_databases = Table(
    "catalog_databases",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("description", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

catalog_tables = Table(
    "catalog_tables",
    metadata,
    Column("database", String(255), ForeignKey("catalog_databases.name", ondelete="CASCADE"), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("version", String(40), nullable=False),
    Column("columns", Json, nullable=False),
    Column("partition_keys", Json, nullable=False),
    Column("view", Text),
    Column("location", Text, nullable=False),
    Column("format", String(16), nullable=False),
    Column("serde", Json),
    Column("parameters", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

catalog_crawls = Table(
    "catalog_crawls",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("database", String(255), nullable=False),
    Column("location", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("tables", Json),
    Column("error", Text),
)
