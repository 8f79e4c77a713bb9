"""The embedded crawler's classifiers: given a folder, and for CSV what to expect there, they propose tables from what the files themselves say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from services.shared.catalog.port import Column, CsvClassifier, Table
from services.shared.catalog.serde import StoredAs, stored_as
from services.shared.errors import CrawlFailed
from services.worker.classify_csv import read_columns

_PARQUET = b"PAR1"
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


Shape = tuple[tuple[Column, ...], tuple[Column, ...], StoredAs]


def classify(location: str, classifier: CsvClassifier | None = None) -> list[Table]:
    """Return one table for each schema among a folder's files, named after the folder; files it can't read raise CrawlFailed.

    Folders below it are partitions, keyed by text, whatever their values look like.
    """
    folder = Path(location)
    found: list[Shape] = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith((".", "_")):
            columns, stored = _read(path, classifier)
            _combine(found, (columns, _keys(path.relative_to(folder).parts[:-1]), stored))
    name = folder.name.lower()
    return [
        Table(
            "", name if number == 0 else f"{name}_{number}", columns, location, stored.format, keys, serde=stored.serde, parameters=stored.parameters
        )
        for number, (columns, keys, stored) in enumerate(found)
    ]


def _numbered(name: str, number: int) -> str:
    return name if number == 0 else f"{name}_{number}"


def _combine(found: list[Shape], new: Shape) -> None:
    """Add a file to the table it is compatible with; text of the same names is, whatever a sample of it looks like."""
    columns, keys, stored = new
    for number, (known, known_keys, kind) in enumerate(found):
        if (known_keys, kind) == (keys, stored) and (known == columns or (kind.serde is not None and _names(known) == _names(columns))):
            agreed = (left if left == right else Column(left.name, "string") for left, right in zip(known, columns, strict=True))
            found[number] = (tuple(agreed), keys, kind)
            return
    found.append(new)


def _names(columns: tuple[Column, ...]) -> list[str]:
    return [column.name for column in columns]


def _keys(folders: Sequence[str]) -> tuple[Column, ...]:
    """Return the keys of partition folders: `key=value`, or, where a folder names none, its depth."""
    return tuple(Column(name.partition("=")[0].lower() if "=" in name else f"partition_{depth}", "string") for depth, name in enumerate(folders))


def _read(path: Path, classifier: CsvClassifier | None) -> tuple[tuple[Column, ...], StoredAs]:
    with path.open("rb") as stream:
        is_parquet = stream.read(len(_PARQUET)) == _PARQUET
    if classifier is not None and not is_parquet:
        return read_columns(path, classifier), stored_as("csv", classifier.serde)
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise CrawlFailed(f"The file {path.name} is not one that the crawler can read.") from error
    return tuple(Column(field.name.lower(), _athena_type(field.type)) for field in schema), stored_as("parquet", None)


def _athena_type(kind: Any) -> str:
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "timestamp"
    return _SIMPLE.get(kind, str(kind))
