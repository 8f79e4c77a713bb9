"""Records that were read but can't be published: a value does not fit its column's type, or stands where the table has no column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from services.worker.csv import rejects
from services.worker.csv.blocks import Block, Reject
from services.worker.csv.dialect import Dialect
from services.worker.publish.casts import Bad

CODE = "cast_failed"
_SHOWN_CHARACTERS = 100


@dataclass(frozen=True)
class Unfit:
    """The rows of a block with a value that has no place in the table, and why, by the file's column."""

    rows: Bad
    columns: Mapping[str, tuple[Bad, str]]


def unfit_rows(columns: Mapping[str, tuple[Bad, str]]) -> Unfit | None:
    """Return what is unfit, or None; `columns` has the bad rows of each column and what its values are not."""
    if not columns:
        return None
    return Unfit(np.logical_or.reduce([bad for bad, _ in columns.values()]), columns)


def list_unfit(block: Block, unfit: Unfit, dialect: Dialect) -> Iterator[Reject]:
    """Yield a reject for each unfit row; its raw form is the record as the dialect writes its cells."""
    for row in np.flatnonzero(unfit.rows):
        position = int(row)
        name, why = next((name, why) for name, (bad, why) in unfit.columns.items() if bad[position])
        value = block.table.column(name)[position].as_py()
        yield rejects.reject(
            _written(block.table, position, dialect),
            line=block.line_of(position),
            offset=block.byte_offset_of(position),
            code=CODE,
            detail=f"Column {name}: {shortened(value)!r} {why}.",
        )


def shortened(value: str) -> str:
    """Return as much of a value as a sentence can show."""
    return value if len(value) <= _SHOWN_CHARACTERS else value[:_SHOWN_CHARACTERS] + "…"


def _written(table: Any, row: int, dialect: Dialect) -> bytes:
    return dialect.delimiter.join(_cell(column[row].as_py(), dialect) for column in table.columns).encode()


def _cell(value: str | None, dialect: Dialect) -> str:
    quote = dialect.quotechar
    if value is None or quote is None:
        return value or ""
    if value and not any(mark in value for mark in (dialect.delimiter, quote, "\n", "\r")):
        return value
    escaped = value.replace(quote, (dialect.escapechar or quote) + quote)
    return f"{quote}{escaped}{quote}"
