"""Commands about the catalog: what a statement may name, tables made elsewhere included."""

from __future__ import annotations

from typing import Annotated

import typer

from headwater.cli.listing import Limit
from headwater.cli.output import table
from headwater.cli.session import Session, command, group
from headwater.cli.text import cell, size

Database = Annotated[str | None, typer.Argument(metavar="DATABASE", help="The database, if not the one of datasets.", show_default=False)]
TableName = Annotated[
    str, typer.Argument(metavar="TABLE", help="The table; `database.table` if it is not in the one of datasets.", show_default=False)
]
Search = Annotated[str | None, typer.Option("--search", "-s", help="Only those with this text in their name.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    listed = group(app, "catalog", databases, help="List databases, their tables and the columns of one: what SQL can name.", called="databases")
    command(listed, "tables")(tables)
    command(listed, "columns")(columns)


def databases(session: Session, limit: Limit = 50) -> None:
    """List the databases, by name."""
    found = list(session.client.catalog.databases(limit=limit))
    if session.output.as_json:
        session.output.document({"items": found})
        return
    shown = table("database", "description")
    for one in found:
        shown.add_row(one["name"], cell(one["description"], width=60))
    session.output.show(shown)


def tables(session: Session, database: Database = None, search: Search = None, limit: Limit = 50) -> None:
    """List the tables of a database, by name."""
    found = list(session.client.catalog.tables(database or session.client.meta()["database"], search=search, limit=limit))
    if session.output.as_json:
        session.output.document({"items": found})
        return
    shown = table("table", "format", "columns", "rows", "size", "dataset", right=("columns", "rows", "size"))
    for one in found:
        rows = "" if one["rows"] is None else f"{one['rows']:,}"
        width = str(len(one["columns"]) + len(one["partition_keys"]))
        shown.add_row(one["name"], one["format"], width, rows, size(one["bytes"]), one["dataset"] or "made elsewhere")
    session.output.show(shown)


def columns(session: Session, name: TableName) -> None:
    """Show a table's columns as the engine sees them; partition columns come last."""
    database, dot, table_name = name.rpartition(".")
    found = session.client.catalog.table(database if dot else session.client.meta()["database"], table_name)
    if session.output.as_json:
        session.output.document(found)
        return
    session.output.line(f"{found['database']}.{found['name']}, {found['format']}")
    shown = table("column", "type", "partition", "comment")
    for kind, some in (("", found["columns"]), ("yes", found["partition_keys"])):
        for column in some:
            shown.add_row(column["name"], column["type"], kind, cell(column["comment"] or "", width=40))
    session.output.show(shown)
