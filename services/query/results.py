"""Writing a result once: Arrow batches become the CSV that Athena writes, its index and its metadata, at constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from services.shared.results import INDEX_EVERY, ResultColumn, ResultMeta, csv_key, index_key, meta_key, pack_offset

_OPTIONS = pacsv.WriteOptions(include_header=False, quoting_style="all_valid")
_PLAIN_BELOW, _PLAIN_FROM = 1e7, 1e-3


class Writable(Protocol):
    """Where results go."""

    def open_write(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Open an object for writing."""
        ...


def write_result(storage: Writable, prefix: str, columns: Sequence[ResultColumn], batches: Iterable[Any]) -> ResultMeta:
    """Store CSV, index and metadata below the prefix; the metadata last, so what has it is whole."""
    rows = 0
    with storage.open_write(csv_key(prefix)) as target, storage.open_write(index_key(prefix)) as index:
        header = csv_header([column.name for column in columns])
        target.write(header)
        size = len(header)
        for batch in batches:
            texts = [athena_texts(batch.column(i), columns[i].type) for i in range(len(columns))]
            start = 0
            while start < batch.num_rows:
                if rows % INDEX_EVERY == 0:
                    index.write(pack_offset(size))
                count = min(INDEX_EVERY - rows % INDEX_EVERY, batch.num_rows - start)
                written = csv_rows([t.slice(start, count) for t in texts])
                target.write(written)
                size += len(written)
                rows += count
                start += count
    meta = ResultMeta(tuple(columns), rows, size)
    with storage.open_write(meta_key(prefix)) as target:
        target.write(meta.to_json())
    return meta


def csv_header(names: Sequence[str]) -> bytes:
    """Return the first line of a result's CSV."""
    return (",".join('"' + name.replace('"', '""') + '"' for name in names) + "\n").encode()


def csv_rows(texts: Sequence[Any]) -> memoryview:
    """Return rows of a result's CSV: every value quoted, NULL bare."""
    sink = pa.BufferOutputStream()
    pacsv.write_csv(pa.RecordBatch.from_arrays(list(texts), [str(i) for i in range(len(texts))]), sink, _OPTIONS)
    return memoryview(sink.getvalue())


def athena_texts(values: Any, kind: str) -> Any:
    """Return a column's values as Athena writes them."""
    match kind.split("(")[0].split("<")[0]:
        case "string" | "varchar":
            return values.cast(pa.string())
        case "decimal":
            return _plain_decimals(values)
        case "double" | "float" | "real":
            return _java_floats(values)
        case "timestamp":
            return values.cast(pa.timestamp("ms"), safe=False).cast(pa.string())
        case "timestamp with time zone" if pa.types.is_string(values.type):
            return values
        case "timestamp with time zone":
            return pc.binary_join_element_wise(values.cast(pa.timestamp("ms"), safe=False).cast(pa.string()), "UTC", " ")
        case "binary" | "varbinary":
            return pa.array([None if v is None else v.hex(" ") for v in values.to_pylist()], pa.string())
        case "array" | "map" | "struct":
            return pa.array([None if v is None else _nested(v, values.type) for v in values.to_pylist()], pa.string())
        case _:
            return values.cast(pa.string())


def _plain_decimals(values: Any) -> Any:
    texts = values.cast(pa.string())
    if not pc.any(pc.match_substring(texts, "E")).as_py():
        return texts
    return pa.array([None if v is None else format(v, "f") for v in values.to_pylist()], pa.string())


def _java_floats(values: Any) -> Any:
    """Write floating-point numbers as Java does: shortest, with a point, and an exponent outside 10^-3 to 10^7."""
    size = pc.abs(values)
    plain = pc.and_(pc.greater_equal(size, _PLAIN_FROM), pc.less(size, _PLAIN_BELOW))
    texts = values.cast(pa.string())
    texts = pc.if_else(pc.match_substring(texts, "."), texts, pc.binary_join_element_wise(texts, ".0", ""))
    if pc.all(plain).as_py() is not False:
        return texts
    return pa.array([None if v is None else (t if p else _java_float(v, short)) for v, t, p, short in _rows(values, texts, plain)], pa.string())


def _rows(values: Any, texts: Any, plain: Any) -> Iterable[tuple[float | None, str, bool, str]]:
    return zip(values.to_pylist(), texts.to_pylist(), plain.to_pylist(), values.cast(pa.string()).to_pylist(), strict=True)


def _java_float(value: float, shortest: str) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "-0.0" if str(value).startswith("-") else "0.0"
    sign = "-" if value < 0 else ""
    digits, _, power = shortest.lstrip("-").lower().partition("e")
    whole, _, places = digits.partition(".")
    exponent = int(power or 0) + len(whole) - 1
    figures = whole + places
    leading = len(figures) - len(figures.lstrip("0"))
    figures = figures[leading:].rstrip("0") or "0"
    return f"{sign}{figures[0]}.{figures[1:] or '0'}E{exponent - leading}"


def _nested(value: Any, kind: Any) -> str:
    """Write a nested value as Athena does, which loses the difference between texts and structure."""
    if value is None:
        return "null"
    if pa.types.is_map(kind):
        return "{" + ", ".join(f"{_nested(k, kind.key_type)}={_nested(v, kind.item_type)}" for k, v in value) + "}"
    if pa.types.is_struct(kind):
        return "{" + ", ".join(f"{field.name}={_nested(value[field.name], field.type)}" for field in kind) + "}"
    if pa.types.is_list(kind):
        return "[" + ", ".join(_nested(v, kind.value_type) for v in value) + "]"
    return str(athena_texts(pa.array([value], kind), _leaf(kind)).to_pylist()[0])


def _leaf(kind: Any) -> str:
    """Return the word of `athena_texts` for a value inside an array, a map or a row."""
    if pa.types.is_floating(kind):
        return "double"
    if pa.types.is_timestamp(kind):
        return "timestamp"
    return "binary" if pa.types.is_binary(kind) else "decimal" if pa.types.is_decimal(kind) else "string"
