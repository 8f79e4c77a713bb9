"""The embedded crawler's classifier: it is given a folder and nothing else, and proposes tables from what the files themselves say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from services.shared.catalog.port import Column, Table
from services.shared.errors import CrawlFailed

_SIMPLE = {
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.date32(): "date",
    pa.string(): "string",
    pa.binary(): "binary",
}


def classify(location: str) -> list[Table]:
    """Return one table for each schema among a folder's Parquet files, named after the folder; files it can't read raise CrawlFailed.

    Folders below it are partitions, keyed by text, whatever their values look like.
    """
    folder = Path(location)
    found: dict[tuple[tuple[Column, ...], tuple[Column, ...]], list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith((".", "_")):
            found.setdefault((_columns(path), _keys(path.relative_to(folder).parts[:-1])), []).append(path)
    name = folder.name.lower()
    return [
        Table("", name if number == 0 else f"{name}_{number}", columns, location, "parquet", keys, parameters={"classification": "parquet"})
        for number, (columns, keys) in enumerate(found)
    ]


def _keys(folders: Sequence[str]) -> tuple[Column, ...]:
    """Return the keys of partition folders: `key=value`, or, where a folder names none, its depth."""
    return tuple(Column(name.partition("=")[0].lower() if "=" in name else f"partition_{depth}", "string") for depth, name in enumerate(folders))


def _columns(path: Path) -> tuple[Column, ...]:
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise CrawlFailed(f"The file {path.name} is not one that the crawler can read.") from error
    return tuple(Column(field.name.lower(), _athena_type(field.type)) for field in schema)


def _athena_type(kind: Any) -> str:
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "timestamp"
    return _SIMPLE.get(kind, str(kind))
