"""Commands about SQL: run a statement, weigh it, bring a result over, look at what ran."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from headwater.cli.answers import FIRST_ROWS, MaxBytes, MaxRows, Reuse, Shape, Target, Wish, ask, fetch, format_of, print_json, print_table, stream
from headwater.cli.listing import Limit, moment
from headwater.cli.output import table
from headwater.cli.session import Session, UsageError, command, group
from headwater.cli.statements import Database, Parameters, Sql, SqlFile, read_parameters, read_statement
from headwater.cli.text import cell, duration, size
from headwater.client.downloads import Wanted

QueryId = Annotated[str, typer.Argument(help="The query's id; `last` is the newest one.")]
FileFormat = Annotated[
    Literal["csv", "parquet", "jsonl", "xlsx"] | None, typer.Option("--format", "-F", help="The file's format; by its ending when left out.")
]
Safe = Annotated[Literal["spreadsheet"] | None, typer.Option("--safe", help="No cell that a spreadsheet would evaluate (csv, xlsx).")]
Where = Annotated[Path | None, typer.Option("--output", "-o", help="The file, or a folder for it; `-` is standard output.")]
Search = Annotated[str | None, typer.Option("--search", "-s", help="Only those with this text in their SQL.")]


_BOUNDS = {
    "exact_scan": "the columns that it reads",
    "whole_table": "the tables that it reads, whole",
    "cutoff": "the limit that stops a query",
}


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "query", rich_help_panel="A file's way")(query)
    command(app, "download", rich_help_panel="A file's way")(download)
    command(app, "estimate", rich_help_panel="A file's way")(estimate)
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
    limit: MaxRows = FIRST_ROWS,
    max_bytes: MaxBytes = None,
    reuse: Reuse = None,
    database: Database = None,
) -> None:
    """Run one statement of Athena's SQL. Ctrl-C cancels it.

    headwater query "SELECT country, count(*) FROM orders GROUP BY 1 ORDER BY 2 DESC"

    headwater query "SELECT * FROM orders WHERE order_id = ?" -p 42

    headwater query -f report.sql -o report.parquet
    """
    ask(session, read_statement(sql, file), read_parameters(parameter), database, Wish(format, output, limit, max_bytes, reuse))


def estimate(session: Session, sql: Sql = None, file: SqlFile = None, parameter: Parameters = None, database: Database = None) -> None:
    """Show the most that a statement can read and cost, without running it.

    headwater estimate "SELECT country, count(*) FROM orders GROUP BY 1"
    """
    found = session.client.queries.estimate(read_statement(sql, file), parameters=read_parameters(parameter), database=database)
    if session.output.as_json:
        session.output.document(found)
        return
    cost = "" if not found["cost_bound_usd"] else f", {found['cost_bound_usd']:.6f} USD"
    bound = "nothing is known of what it may read" if found["bytes_bound"] is None else f"at most {size(found['bytes_bound'])}{cost}"
    session.output.line(f"{bound} ({_BOUNDS[found['bound_kind']]})")
    for name in found["columns"] or found["tables"]:
        session.output.line(f"  {name}")


def download(session: Session, query_id: QueryId = "last", output: Where = None, format: FileFormat = None, safe: Safe = None) -> None:  # noqa: A002
    """Write the whole result of a query into a file. A download that broke is gone on with by the same command.

    headwater download last -o orders.parquet

    headwater download qry_… -o - | gzip > orders.csv.gz
    """
    chosen = _query_id(session, query_id)
    session.if_interrupted = "what arrived stays, and the same command goes on"
    if str(output) == "-":
        stream(session, Wanted(chosen, format or "csv", safe))
        return
    target = output or Path()
    if target.is_dir():
        target = target / f"{chosen}.{format or 'csv'}"
    fetch(session, Wanted(chosen, format_of(target, format), safe), target)


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
            moment(one["submitted_at"]),
            rows,
            duration(figures["execution_ms"]),
            size(figures["bytes_scanned"]),
            cell(one["sql"], width=session.output.cell_width),
        )
    session.output.show(shown)


def show(session: Session, query_id: QueryId = "last") -> None:
    """Show a query's rows, waiting until it has ended."""
    result = session.client.result(_query_id(session, query_id))
    print_json(session, result.query) if session.output.as_json else print_table(session, result.query)


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
