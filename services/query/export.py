"""A stored result in another form: Parquet, typed, made from the CSV without running anything again."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from services.shared.results import ResultMeta
from services.shared.sql.types import Kind, Type, parse_athena_type

_BLOCK_BYTES = 4 << 20
_GROUP_ROWS = 100_000
_ARROW: dict[Kind, Any] = {
    Kind.BOOLEAN: pa.bool_(), Kind.TINYINT: pa.int8(), Kind.SMALLINT: pa.int16(), Kind.INTEGER: pa.int32(), Kind.BIGINT: pa.int64(),
    Kind.REAL: pa.float32(), Kind.DOUBLE: pa.float64(), Kind.DATE: pa.date32(), Kind.TIMESTAMP: pa.timestamp("ms"),
}  # fmt: skip


def export_parquet(source: BinaryIO, target: BinaryIO, meta: ResultMeta, index: bytes, *, report: Callable[[int], None] = lambda _rows: None) -> int:
    """Write the result as Parquet (zstd), a block at a time; nested columns stay the text they are stored as. Return the rows."""
    kinds = [parse_athena_type(column.type) for column in meta.columns]
    names = [str(i) for i in range(len(kinds))]
    schema = pa.schema([pa.field(c.name, _arrow_type(c.type, k)) for c, k in zip(meta.columns, kinds, strict=True)])
    rows = 0
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        pending: list[Any] = []
        waiting = 0
        for batch in _open_csv(source, names, meta, index) if meta.rows else ():
            arrays = [_typed(batch.column(i), schema.field(i).type, meta.columns[i].type) for i in range(len(names))]
            pending.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
            waiting += batch.num_rows
            rows += batch.num_rows
            if waiting >= _GROUP_ROWS:
                writer.write_table(pa.Table.from_batches(pending, schema))
                pending, waiting = [], 0
                report(rows)
        if pending:
            writer.write_table(pa.Table.from_batches(pending, schema))
    report(rows)
    return rows


def _open_csv(source: BinaryIO, names: list[str], meta: ResultMeta, index: bytes) -> Any:
    block = max(_BLOCK_BYTES, _longest_stretch(index, meta.size) + 1)
    return pacsv.open_csv(
        source,
        read_options=pacsv.ReadOptions(column_names=names, skip_rows_after_names=1, block_size=min(block, (1 << 31) - 1), use_threads=False),
        parse_options=pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]
        ),
    )


def _longest_stretch(index: bytes, size: int) -> int:
    """Return the bytes of the longest thousand rows: no row, and so no block, needs more."""
    offsets = [o for (o,) in struct.iter_unpack("<Q", index)] + [size]
    return max((b - a for a, b in pairwise(offsets)), default=0)


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
        return pc.replace_substring(texts, " UTC", "").cast(pa.timestamp("ms")).cast(kind)
    return texts.cast(kind)
