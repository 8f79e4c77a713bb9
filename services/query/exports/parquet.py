"""A stored result as Parquet, typed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from services.query.exports.names import unique_names
from services.query.exports.texts import Report, StoredResult, read_texts
from services.shared.sql.types import Kind, Type, parse_athena_type

_GROUP_ROWS = 100_000
_GROUP_BYTES = 64 << 20
_ARROW: dict[Kind, Any] = {
    Kind.BOOLEAN: pa.bool_(), Kind.TINYINT: pa.int8(), Kind.SMALLINT: pa.int16(), Kind.INTEGER: pa.int32(), Kind.BIGINT: pa.int64(),
    Kind.REAL: pa.float32(), Kind.DOUBLE: pa.float64(), Kind.DATE: pa.date32(), Kind.TIMESTAMP: pa.timestamp("ms"),
}  # fmt: skip


def write_parquet(result: StoredResult, target: BinaryIO, *, report: Report) -> None:
    """Write the result as Parquet (zstd), a row group at a time; nested columns stay the text they are stored as."""
    columns = result.meta.columns
    types = [_arrow_type(column.type, parse_athena_type(column.type)) for column in columns]
    schema = pa.schema([pa.field(name, kind) for name, kind in zip(unique_names([c.name for c in columns]), types, strict=True)])
    rows = 0
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        pending: list[Any] = []
        waiting_rows = waiting_bytes = 0
        for texts in read_texts(result):
            arrays = [_typed(text, kind, column.type) for text, kind, column in zip(texts, types, columns, strict=True)]
            pending.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
            waiting_rows += pending[-1].num_rows
            waiting_bytes += pending[-1].nbytes
            rows += pending[-1].num_rows
            if waiting_rows >= _GROUP_ROWS or waiting_bytes >= _GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(pending, schema))
                pending, waiting_rows, waiting_bytes = [], 0, 0
            report(rows)
        if pending:
            writer.write_table(pa.Table.from_batches(pending, schema))


def _arrow_type(athena: str, kind: Type | None) -> Any:
    if athena == "timestamp with time zone":
        return pa.timestamp("ms", tz="UTC")
    if kind is not None and kind.kind is Kind.DECIMAL:
        return pa.decimal128(kind.precision, kind.scale)
    if kind is not None and kind.kind is Kind.VARBINARY:
        return pa.binary()
    return _ARROW.get(kind.kind, pa.string()) if kind is not None else pa.string()


def _typed(texts: Any, kind: Any, athena: str) -> Any:
    if pa.types.is_binary(kind):
        return pa.array([None if t is None else bytes.fromhex(t) for t in texts.to_pylist()], kind)
    if athena == "timestamp with time zone":
        return _instants(texts).cast(kind)
    return texts.cast(kind)


def _instants(texts: Any) -> Any:
    """Return the moments of texts with their zones; of an hour that a clock shows twice, the first."""
    if pc.all(pc.ends_with(texts, " UTC")).as_py() is not False:
        return pc.replace_substring(texts, " UTC", "").cast(pa.timestamp("ms"))
    return pa.array([None if text is None else _instant(text) for text in texts.to_pylist()], pa.timestamp("ms"))


def _instant(text: str) -> datetime:
    clock, _, zone = text.rpartition(" ")
    moment = datetime.fromisoformat(f"{clock}{zone}" if zone[0] in "+-" else clock)
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC).replace(tzinfo=None)
