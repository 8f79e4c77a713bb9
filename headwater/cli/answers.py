"""The answer to a statement: as a table of its first rows, as all of its rows, or as a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from headwater.cli.output import table
from headwater.cli.progress import meter
from headwater.cli.session import Session, UsageError
from headwater.cli.text import cell, count, duration, parse_size, size
from headwater.client import Limits
from headwater.client.downloads import FORMATS, Wanted
from headwater.client.models import Query
from headwater.client.queries import Parameter

Shape = Annotated[Literal["table", "csv", "json"], typer.Option("--format", "-F", help="A table of the first rows, or all rows as CSV or JSON.")]
Target = Annotated[Path | None, typer.Option("--output", "-o", help="Write all rows into this file; its ending is its format.")]
MaxRows = Annotated[int, typer.Option("--limit", "-n", min=0, help="The most rows of a table.")]
MaxBytes = Annotated[str | None, typer.Option("--max-bytes", help="Refuse or stop the statement if it reads more, such as 10GB.")]
Reuse = Annotated[
    int | None, typer.Option("--reuse", min=0, max=10_080, metavar="MINUTES", help="Take the result of the same statement if it is at most this old.")
]
FIRST_ROWS = 100


@dataclass(frozen=True)
class Wish:
    """How the rows are wanted: shown in a shape, at most so many of them, or written into a file; and what the statement may take."""

    shape: str = "table"
    output: Path | None = None
    limit: int = FIRST_ROWS
    max_bytes: str | None = None
    reuse: int | None = None


def ask(session: Session, sql: str, parameters: list[Parameter], database: str | None, wish: Wish) -> None:
    """Run a statement and answer as it is wished; what is wrong with the wish is said before the statement runs."""
    file_format = None if wish.output is None else format_of(wish.output, None)
    limits = Limits(wish.reuse, None if wish.max_bytes is None else _size(wish.max_bytes))
    session.if_interrupted = "the query is cancelled"
    found = session.client.query(sql, parameters, database=database, limits=limits).query
    session.if_interrupted = f"the result stays: headwater download {found['id']}"
    if wish.output is not None:
        fetch(session, Wanted(found["id"], str(file_format)), wish.output)
        return
    match "json" if session.output.as_json else wish.shape:
        case "csv":
            stream(session, Wanted(found["id"]))
        case "json":
            print_json(session, found)
        case _:
            print_table(session, found, wish.limit)


def stream(session: Session, wanted: Wanted) -> None:
    """Write the stored result, byte by byte, to standard output."""
    session.client.downloads.to_stream(wanted, sys.stdout.buffer)
    sys.stdout.buffer.flush()


def format_of(target: Path, given: str | None) -> str:
    """Return the format that is given, or the one of the file's ending."""
    ending = target.suffix.removeprefix(".").lower()
    if given is None and ending not in FORMATS:
        raise UsageError(f"{target.name} does not say which format it has; name it {target.stem}.parquet, or one of {', '.join(FORMATS)}.")
    return given or ending


def fetch(session: Session, wanted: Wanted, target: Path) -> None:
    """Write the whole result into a file."""
    with meter(session.output, target.name) as shown:
        written = session.client.downloads.to_file(wanted, target, report=shown.bytes, on_job=shown.job)
    if session.output.as_json:
        session.output.document({"query_id": wanted.query_id, "format": wanted.format, "file": str(target), "bytes": written})
    else:
        session.output.line(f"{target}  {size(written)}")


def print_table(session: Session, found: Query, limit: int = FIRST_ROWS) -> None:
    """Print the first rows, and how many there are."""
    columns = found["columns"] or []
    numbers = [
        column["name"]
        for column in columns
        if column["type"].partition("(")[0] in ("tinyint", "smallint", "integer", "bigint", "double", "real", "decimal")
    ]
    shown, number = table(*[column["name"] for column in columns], right=numbers), 0
    for number, row in enumerate(islice(_rows(session, found, most=limit), limit), 1):  # noqa: B007 - counted for the sentence below
        shown.add_row(*[cell(value, width=session.output.cell_width) for value in row])
    session.output.show(shown)
    figures = found["statistics"]
    total = figures["rows"] or 0
    said = count(total, "row") if number == total else f"{number:,} of {count(total, 'row')}"
    session.output.note(f"{said}, {duration(figures['execution_ms'])}, {size(figures['bytes_scanned'])} read")
    if number < total:
        session.output.hint(f"headwater download {found['id']} -o result.parquet")


def print_json(session: Session, found: Query) -> None:
    """Print one document, row by row, so that no result is too large."""
    write = sys.stdout.write
    write(f'{{"query": {json.dumps(found)}, "columns": {json.dumps(found["columns"])}, "rows": [')
    for number, row in enumerate(_rows(session, found, most=10_000)):
        write(("," if number else "") + "\n" + json.dumps(row, ensure_ascii=False))
    write("]}\n")
    sys.stdout.flush()


def _rows(session: Session, found: Query, *, most: int) -> Iterator[list[Any]]:
    for page in session.client.queries.pages(found["id"], rows=max(1, min(most, 10_000))):
        yield from page["rows"]


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise UsageError(f"--max-bytes: {error}") from error
