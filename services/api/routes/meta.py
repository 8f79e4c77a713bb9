"""What this installation is, what it can, and its limits."""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.api.answers import NO_BODY, IfNoneMatch
from services.api.deps import Deps, Services
from services.api.paging import MAX_ITEMS
from services.api.profiles import COMPRESSION
from services.api.results import FORMATS
from services.api.routes.results import MAX_ROWS
from services.api.schemas.meta import Features, Formats, Limits, Meta, Retention
from services.shared.settings import Settings
from services.shared.version import VERSION

MAX_PARAMETERS = 100
MAX_PREVIEW_ROWS = 1000
router = APIRouter(tags=["Meta"])


@router.get("/v1/meta", response_model=Meta, responses=NO_BODY)
def get_meta(services: Deps, fresh: IfNoneMatch) -> Response:
    """Say what this installation is, what it can, and its limits."""
    return fresh.answer(describe(services))


def describe(services: Services) -> Meta:
    """Return the facts that follow from the settings and from what is built."""
    settings = services.settings
    return Meta(
        version=VERSION,
        platform=settings.platform.value,
        engine=services.engine.name,
        database=settings.database,
        limits=_limits(settings),
        retention=_retention(settings),
        features=Features(
            estimate=True,
            saved_queries=True,
            metrics=True,
            csv_datasets=True,
            partitioned_datasets=True,
            spreadsheet_safe_downloads=True,
        ),
        formats=Formats(datasets=("parquet", "csv"), downloads=FORMATS),
        compression=COMPRESSION,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        max_upload_bytes=settings.max_upload_bytes,
        max_part_bytes=settings.part_bytes,
        max_concatenated_parts=settings.max_concatenated_parts,
        max_request_bytes=settings.max_request_bytes,
        max_record_bytes=settings.max_record_bytes,
        max_unpacked_bytes=settings.max_unpacked_bytes,
        max_sql_bytes=settings.max_sql_bytes,
        max_query_parameters=MAX_PARAMETERS,
        max_page_items=MAX_ITEMS,
        max_preview_rows=MAX_PREVIEW_ROWS,
        max_result_rows=MAX_ROWS,
        max_table_columns=settings.max_table_columns,
        max_partitions=settings.max_partitions,
        min_partition_bytes=settings.min_partition_bytes,
        max_reject_ratio=settings.max_reject_ratio,
        query_slots=settings.query_slots,
        query_timeout_seconds=settings.query_timeout_s,
    )


def _retention(settings: Settings) -> Retention:
    return Retention(
        incomplete_uploads_seconds=settings.retain_incomplete_s,
        raw_files_seconds=settings.retain_raw_s,
        results_seconds=settings.retain_results_s,
        versions=settings.retain_versions,
        version_grace_seconds=settings.version_grace_s,
        idempotency_keys_seconds=settings.idempotency_s,
    )
