"""Settings: every knob of Headwater, read once from `HEADWATER_*` variables and then frozen."""

from __future__ import annotations

import os
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024
GIB = 1024 * MIB
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Platform(StrEnum):
    """Where Headwater runs; only wiring modules look at it."""

    LOCAL = "local"
    AWS = "aws"


class Auth(StrEnum):
    """How a request says who sends it."""

    LOCAL = "local"
    OIDC = "oidc"


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"


class Settings(BaseSettings):
    """All settings with their units; `docs/settings.md` documents each, by test."""

    model_config = SettingsConfigDict(env_prefix="HEADWATER_", frozen=True, extra="ignore")

    platform: Platform = Field(Platform.LOCAL, description="`local` runs everything on this machine; `aws` uses S3, Glue and Athena.")
    home: Path = Field(Path(".headwater"), description="The folder of all state: objects, records, broker, logs.")

    api_host: str = Field("127.0.0.1", description="The address the api binds; anything but loopback needs `allow_network`.")
    api_port: int = Field(8000, ge=1, le=65535, description="The api's port; the front-end is served there too.")
    api_workers: int = Field(2, ge=1, le=64, description="How many api processes serve requests.")
    allow_network: bool = Field(False, description="Allow a bind address that is not loopback (containers with ports published on loopback).")
    allowed_hosts: tuple[str, ...] = Field((), description="More Host headers to accept beside loopback's names; a JSON list.")
    allowed_origins: tuple[str, ...] = Field((), description="More Origins that may change things; a JSON list of scheme://host:port.")
    auth: Auth = Field(Auth.LOCAL, description="`local`: this machine's user, no sign-in; `oidc`: every request brings a bearer token of the issuer.")
    oidc_issuer: str | None = Field(None, description="With `oidc`: the issuer, as the tokens' `iss` names it.")
    oidc_audience: str | None = Field(None, description="With `oidc`: the tokens' `aud` (or, in Amazon Cognito's access tokens, `client_id`).")
    oidc_jwks_url: str | None = Field(None, description="With `oidc`: where the issuer's keys are; https, or loopback.")
    flower_host: str = Field("127.0.0.1", description="Flower's address; another than loopback needs `allow_network` and `flower_basic_auth`.")
    flower_port: int = Field(5555, ge=1, le=65535, description="Flower's port.")
    flower_basic_auth: str | None = Field(None, repr=False, description="`user:password` that Flower asks for; a secret.")
    redis_port: int | None = Field(None, ge=1, le=65535, description="The port of the broker that `make up` starts; a free one by default.")
    redis_url: str | None = Field(None, repr=False, description="A Redis or Valkey to use instead of starting one.")
    database_url: str | None = Field(None, repr=False, description="The records' database; SQLite under the home by default.")
    log_format: LogFormat = Field(LogFormat.CONSOLE, description="`console` for people, `json` for machines.")
    otlp_endpoint: str | None = Field(None, description="Where traces go, OTLP over HTTP, such as `http://127.0.0.1:4318`; none are made without it.")
    log_level: str = Field("INFO", description="The lowest level that is logged.")
    flower_tasks: int = Field(10_000, ge=1, description="How many tasks Flower remembers.")
    start_timeout_s: float = Field(120, gt=0, description="How long `make up` waits for a process to answer before it gives up.")
    stop_timeout_s: float = Field(20, gt=0, description="How long `make up` waits for a process to stop before it ends it.")
    restart_pause_s: float = Field(30, gt=0, description="The longest pause of `make up` before it starts a process again that dies again and again.")
    soft_stop_s: float = Field(5, gt=0, description="A worker that is told to stop lets its task run this long, then takes it back to the queue.")

    max_upload_bytes: int = Field(1024 * GIB, ge=1, description="The largest upload accepted.")
    min_free_bytes: int = Field(1 * GIB, ge=0, description="Uploads are refused with 507 before less than this would be left on the disk.")
    part_bytes: int = Field(16 * MIB, ge=256 * 1024, description="The size of a stored part of an upload.")
    part_seconds: float = Field(2.0, gt=0, description="A slow upload's part is stored after this long, so that work can follow it.")
    upload_lock_s: float = Field(10, gt=0, description="How long a request waits for another one that writes to the same upload.")
    upload_idle_s: float = Field(60, gt=0, description="An upload's connection that sends nothing for this long is closed; what arrived stays.")
    max_request_bytes: int = Field(1 * MIB, ge=1024, description="The largest JSON body accepted.")
    max_concatenated_parts: int = Field(1000, ge=1, description="The most partial uploads one final upload may join.")

    max_record_bytes: int = Field(64 * MIB, ge=1024, description="A longer record is rejected as `record_too_long`.")
    max_unpacked_bytes: int = Field(4096 * GIB, ge=1, description="The most a compressed file may unpack to.")
    profile_slice_s: float = Field(60, gt=0, description="A profile task hands over to the next after this long.")
    profile_step_bytes: int = Field(32 * MIB, ge=1, description="A profile that waits for an upload goes on after this many more bytes.")
    publish_slice_s: float = Field(60, gt=0, description="A publish task hands over to the next after this long.")
    parquet_file_bytes: int = Field(256 * MIB, ge=1 * MIB, description="The size aimed at for a table's files, Parquet or CSV.")
    row_group_rows: int = Field(512 * 1024, ge=1024, description="A Parquet row group is written when it has this many rows …")
    row_group_bytes: int = Field(32 * MIB, ge=1 * MIB, description="… or when its values take this much memory.")
    max_reject_ratio: float = Field(0.05, ge=0, le=1, description="The highest share of rejected records a publish accepts by default.")
    max_table_columns: int = Field(3000, ge=1, description="The most columns a table may have; a publish of more is refused.")

    max_partitions: int = Field(1000, ge=1, description="The most partitions a dataset may have; Glue lists a thousand a call.")
    min_partition_bytes: int = Field(
        64 * 1024, ge=0, description="A file that falls into more than 100 partitions has to have this much for each, on average."
    )

    lease_s: float = Field(30, gt=0, description="A running job that is not renewed for this long is taken over.")
    renew_s: float = Field(10, gt=0, description="How often a running job's lease is renewed.")
    reconcile_s: float = Field(10, gt=0, description="How often the reconciler looks at the records.")
    max_attempts: int = Field(3, ge=1, description="How often a job may fail without progress before it ends as `worker_lost`.")
    resend_s: float = Field(30, gt=0, description="An accepted job whose message seems lost is sent again after this long, then 1, 2, 4 … 10 min.")

    database: str = Field("headwater", description="The catalog database that datasets are published to.")
    max_sql_bytes: int = Field(64 * 1024, ge=1024, description="The longest SQL accepted.")
    query_slots: int = Field(4, ge=1, le=64, description="How many queries run at once; receipts and exports have half as many slots of their own.")
    query_slots_per_workspace: int | None = Field(None, ge=1, description="How many of them one workspace may have; all of them by default.")
    query_memory_bytes: int = Field(400 * MIB, ge=64 * MIB, description="The memory all running queries share; what needs more spills to disk.")
    query_threads: int = Field(default_factory=lambda: os.cpu_count() or 2, ge=1, description="The threads all running queries share.")
    query_spill_bytes: int = Field(64 * GIB, ge=0, description="The most disk that running queries may spill to.")
    query_timeout_s: float = Field(1800, gt=0, description="A query that runs longer is stopped.")
    price_per_tb_usd: float = Field(5.0, ge=0, description="What a scanned terabyte costs, for the cost shown.")

    retain_incomplete_s: float = Field(7 * 86400, gt=0, description="An incomplete upload expires after this long.")
    retain_raw_s: float = Field(30 * 86400, gt=0, description="A raw file that no version refers to is freed after this long.")
    retain_results_s: float = Field(7 * 86400, gt=0, description="A query's result is freed after this long.")
    retain_queries_s: float = Field(90 * 86400, gt=0, description="A query leaves the history this long after its end, once its result is freed.")
    retain_versions: int = Field(5, ge=1, description="How many versions of a dataset are kept; the current one always is.")
    version_grace_s: float = Field(5 * 3600, ge=0, description="An old version's files stay at least this long after it was replaced.")
    idempotency_s: float = Field(86400, gt=0, description="How long an Idempotency-Key is remembered.")

    @model_validator(mode="after")
    def _needs_an_issuer(self) -> Self:
        if self.auth is Auth.LOCAL:
            return self
        missing = [name for name in ("oidc_issuer", "oidc_audience", "oidc_jwks_url") if not getattr(self, name)]
        if missing:
            raise ValueError(f"HEADWATER_AUTH=oidc needs {' and '.join(f'HEADWATER_{name.upper()}' for name in missing)}")
        address = urlsplit(self.oidc_jwks_url or "")
        if address.scheme != "https" and not (address.scheme == "http" and address.hostname in _LOOPBACK):
            raise ValueError(f"HEADWATER_OIDC_JWKS_URL={self.oidc_jwks_url}: only https is safe to fetch keys by")
        return self

    def database_location(self) -> str:
        """Return the SQLAlchemy URL of the records."""
        return self.database_url or f"sqlite:///{(self.home / 'records.sqlite3').resolve()}"

    def objects_folder(self) -> Path:
        """Return the folder of the local object store."""
        return (self.home / "objects").resolve()


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """Return the process's settings, read from the environment at the first call."""
    return Settings()
