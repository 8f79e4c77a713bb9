"""Commands about SQL: run a statement, bring a result over, look at what ran."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from headwater.cli.output import table
from headwater.cli.progress import meter
from headwater.cli.session import Session, UsageError, command, group
from headwater.cli.text import cell, count, duration, parse_size, size
from headwater.client import Limits
from headwater.client.downloads import FORMATS, Wanted
from headwater.client.models import Query
from headwater.client.queries import Parameter

Sql = Annotated[str | None, typer.Argument(metavar="[SQL]", help="One statement; from --file or standard input when left out.", show_default=False)]
SqlFile = Annotated[Path | None, typer.Option("--file", "-f", exists=True, dir_okay=False, help="Read the statement from a file.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", help="The value of the next `?`: JSON (42, 1.5, true, null, '\"42\"') is taken as that, the rest as text."),
]
Shape = Annotated[Literal["table", "csv", "json"], typer.Option("--format", "-F", help="A table of the first rows, or all rows as CSV or JSON.")]
Target = Annotated[Path | None, typer.Option("--output", "-o", help="Write all rows into this file; its ending is its format.")]
MaxRows = Annotated[int, typer.Option("--limit", "-n", min=0, help="The most rows of a table.")]
MaxBytes = Annotated[str | None, typer.Option("--max-bytes", help="Refuse or stop the statement if it reads more, such as 10GB.")]
Reuse = Annotated[
    int | None, typer.Option("--reuse", min=0, max=10_080, metavar="MINUTES", help="Take the result of the same statement if it is at most this old.")
]
Database = Annotated[str | None, typer.Option("--database", help="Where tables are that the statement does not qualify.")]
QueryId = Annotated[str, typer.Argument(help="The query's id; `last` is the newest one.")]
FileFormat = Annotated[
    Literal["csv", "parquet", "jsonl", "xlsx"] | None, typer.Option("--format", "-F", help="The file's format; by its ending when left out.")
]
Safe = Annotated[Literal["spreadsheet"] | None, typer.Option("--safe", help="No cell that a spreadsheet would evaluate (csv, xlsx).")]
Where = Annotated[Path | None, typer.Option("--output", "-o", help="The file, or a folder for it; `-` is standard output.")]
Search = Annotated[str | None, typer.Option("--search", "-s", help="Only those with this text in their SQL.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="The most to list.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "query", rich_help_panel="A file's way")(query)
    command(app, "download", rich_help_panel="A file's way")(download)
    listed = group(app, "queries", list_, help="List, show and cancel queries.")
    command(listed, "show")(show)
    command(listed, "cancel")(cancel)


def query(
    session: Session,
    sql: Sql = None,
    file: SqlFile = None,
    parameter: Parameters = None,
    format: Shape = "table",  # noqa: A002 - the option's own name
    output: Target = None,
    limit: MaxRows = 100,
    max_bytes: MaxBytes = None,
    reuse: Reuse = None,
    database: Database = None,
) -> None:
    """Run one statement of Athena's SQL. Ctrl-C cancels it.

    headwater query "SELECT country, count(*) FROM orders GROUP BY 1 ORDER BY 2 DESC"

    headwater query "SELECT * FROM orders WHERE order_id = ?" -p 42

    headwater query -f report.sql -o report.parquet
    """
    if output is not None:
        _format_of(output, None)
    limits = Limits(reuse, None if max_bytes is None else _size(max_bytes))
    session.if_interrupted = "the query is cancelled"
    result = session.client.query(_statement(sql, file), [_parameter(one) for one in parameter or ()], database=database, limits=limits)
    session.if_interrupted = f"the result stays: headwater download {result.query['id']}"
    if output is not None:
        _fetch(session, Wanted(result.query["id"], _format_of(output, None)), output)
        return
    match "json" if session.output.as_json else format:
        case "csv":
            session.client.downloads.to_stream(Wanted(result.query["id"]), sys.stdout.buffer)
            sys.stdout.buffer.flush()
        case "json":
            _print_json(session, result.query)
        case "table":
            _print_table(session, result.query, limit)


def download(session: Session, query_id: QueryId = "last", output: Where = None, format: FileFormat = None, safe: Safe = None) -> None:  # noqa: A002
    """Write the whole result of a query into a file. A download that broke is gone on with by the same command.

    headwater download last -o orders.parquet

    headwater download qry_… -o - | gzip > orders.csv.gz
    """
    chosen = _query_id(session, query_id)
    session.if_interrupted = "what arrived stays, and the same command goes on"
    if str(output) == "-":
        session.client.downloads.to_stream(Wanted(chosen, format or "csv", safe), sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    target = output or Path()
    if target.is_dir():
        target = target / f"{chosen}.{format or 'csv'}"
    _fetch(session, Wanted(chosen, _format_of(target, format), safe), target)


def list_(session: Session, search: Search = None, limit: Limit = 20) -> None:
    """List the queries, newest first."""
    found = list(session.client.queries.list(search=search, limit=limit))
    if session.output.as_json:
        session.output.document({"items": found})
        return
    shown = table("id", "state", "submitted", "rows", "took", "read", "sql", right=("rows", "took", "read"))
    for one in found:
        figures = one["statistics"]
        rows = "" if figures["rows"] is None else f"{figures['rows']:,}"
        shown.add_row(
            one["id"],
            one["state"],
            one["submitted_at"][:19].replace("T", " "),
            rows,
            duration(figures["execution_ms"]),
            size(figures["bytes_scanned"]),
            cell(one["sql"], width=session.output.cell_width),
        )
    session.output.show(shown)


def show(session: Session, query_id: QueryId = "last") -> None:
    """Show a query's rows, waiting until it has ended."""
    result = session.client.result(_query_id(session, query_id))
    _print_json(session, result.query) if session.output.as_json else _print_table(session, result.query, 100)


def cancel(session: Session, query_id: QueryId = "last") -> None:
    """Stop a query."""
    found = session.client.queries.cancel(_query_id(session, query_id))
    session.output.document(found) if session.output.as_json else session.output.line(f"{found['id']} is asked to stop")


def _query_id(session: Session, given: str) -> str:
    if given != "last":
        return given
    for found in session.client.queries.list(limit=1):
        return found["id"]
    raise UsageError("There is no query yet; `headwater query SQL` runs one.")


def _statement(sql: str | None, file: Path | None) -> str:
    if sql is not None and file is not None:
        raise UsageError("The statement is given twice: as an argument and by --file.")
    if file is not None:
        return file.read_text()
    if sql in (None, "-"):
        if sys.stdin.isatty():
            raise UsageError("There is no statement; give it as an argument, by --file, or on standard input.")
        return sys.stdin.read()
    return str(sql)


def _parameter(text: str) -> Parameter:
    """Return a typed value: what is a JSON scalar is that, anything else is text."""
    try:
        value = json.loads(text, parse_constant=_no_number)
    except ValueError:
        return text
    if isinstance(value, list | dict):
        raise UsageError(f"-p {text}: a parameter is one value, not a list or an object.")
    return None if value is None else value if isinstance(value, bool | int | float) else str(value)


def _no_number(word: str) -> float:
    raise ValueError(word)


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise UsageError(f"--max-bytes: {error}") from error


def _format_of(target: Path, given: str | None) -> str:
    ending = target.suffix.removeprefix(".").lower()
    if given is None and ending not in FORMATS:
        raise UsageError(f"{target.name} does not say which format it has; name it {target.stem}.parquet, or one of {', '.join(FORMATS)}.")
    return given or ending


def _fetch(session: Session, wanted: Wanted, target: Path) -> None:
    with meter(session.output, target.name) as shown:
        written = session.client.downloads.to_file(wanted, target, report=shown.bytes, on_job=shown.job)
    if session.output.as_json:
        session.output.document({"query_id": wanted.query_id, "format": wanted.format, "file": str(target), "bytes": written})
    else:
        session.output.line(f"{target}  {size(written)}")


def _print_table(session: Session, found: Query, limit: int) -> None:
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


def _print_json(session: Session, found: Query) -> None:
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
