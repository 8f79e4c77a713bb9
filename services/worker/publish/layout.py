"""The layout of a dataset's table: which columns its files have, and which are keys of its partitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.shared.catalog.port import Column
from services.shared.partitioning import parse_keys
from services.worker.publish.targets import TableColumn


@dataclass(frozen=True)
class Layout:
    """The columns of the files, and the partition keys, outermost first, as the catalog has them."""

    columns: tuple[Column, ...]
    keys: tuple[Column, ...] = ()


def catalog_columns(columns: Sequence[TableColumn]) -> tuple[Column, ...]:
    """Return all columns of a version as the catalog has them, in the order of its contract."""
    return tuple(Column(column.name, column.type, column.comment or column.source_name) for column in columns)


def lay_out(columns: Sequence[TableColumn], partition_by: Sequence[str]) -> Layout:
    """Tell the columns in the files from those in the folders' names."""
    known = {column.name: column for column in catalog_columns(columns)}
    names = [key.name for key in parse_keys(partition_by)]
    return Layout(tuple(column for name, column in known.items() if name not in names), tuple(known[name] for name in names))
