"""A stored result as a CSV that a spreadsheet may open: the stored form, with no cell that would be evaluated."""

from __future__ import annotations

from typing import BinaryIO

from services.query.exports.formulas import defuse, defuse_column
from services.query.exports.texts import Report, StoredResult, read_texts
from services.query.results import csv_header, csv_rows


def write_safe_csv(result: StoredResult, target: BinaryIO, *, report: Report) -> None:
    """Write the CSV again, every cell and every column's name made harmless."""
    columns = result.meta.columns
    target.write(csv_header([defuse(column.name) for column in columns]))
    rows = 0
    for texts in read_texts(result):
        target.write(csv_rows([defuse_column(text, column.type) for text, column in zip(texts, columns, strict=True)]))
        rows += len(texts[0])
        report(rows)
