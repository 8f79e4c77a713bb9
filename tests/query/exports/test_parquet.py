from __future__ import annotations

import io
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from services.query.exports.parquet import write_parquet
from tests.query.exports.results import stored


def test_a_moment_of_any_zone_is_the_same_moment() -> None:
    """Texts with a zone's name or an offset become the instants they mean, summer time included."""
    texts = pa.array(["2020-07-01 12:00:00.000 Europe/Rome", "2020-01-01 12:00:00.500 +02:00", "2020-01-01 12:00:00.000 UTC", None])
    target = io.BytesIO()
    write_parquet(stored([("at", "timestamp with time zone", texts)]), target, report=lambda _rows: None)
    assert pq.read_table(pa.BufferReader(target.getvalue())).column("at").to_pylist() == [
        datetime(2020, 7, 1, 10, tzinfo=UTC),
        datetime(2020, 1, 1, 10, 0, 0, 500_000, tzinfo=UTC),
        datetime(2020, 1, 1, 12, tzinfo=UTC),
        None,
    ]
