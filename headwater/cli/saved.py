"""Commands about saved queries: keep a statement under a name, run it by its name."""

from __future__ import annotations

from typing import Annotated

import typer

from headwater.cli.answers import FIRST_ROWS, MaxBytes, MaxRows, Reuse, Shape, Target, Wish, ask
from headwater.cli.listing import Limit, moment
from headwater.cli.output import table
from headwater.cli.session import Session, Yes, command, did_you_mean, group
from headwater.cli.statements import Database, Parameters, Sql, SqlFile, read_parameters, read_statement
from headwater.cli.text import cell
from headwater.client import HeadwaterError
from headwater.client.models import SavedQuery, SavedQueryRequest

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the saved query.", show_default=False)]
Description = Annotated[str | None, typer.Option("--description", help="What the statement is for.")]
Replace = Annotated[bool, typer.Option("--replace", help="Put it in the place of the one of this name, if there is one.")]
Search = Annotated[str | None, typer.Option("--search", "-s", help="Only those with this text in their name.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    listed = group(app, "saved", list_, help="List, show, save, run and remove saved queries.")
    command(listed, "show")(show)
    command(listed, "save")(save)
    command(listed, "run")(run)
    command(listed, "remove")(remove)


def list_(session: Session, search: Search = None, limit: Limit = 50) -> None:
    """List the saved queries, newest first."""
    found = list(session.client.saved.list(search=search, limit=limit))
    if session.output.as_json:
        session.output.document({"items": found})
        return
    shown = table("name", "changed", "what for", "sql")
    for one in found:
        texts = (cell(one["description"], width=40), cell(one["sql"], width=session.output.cell_width))
        shown.add_row(cell(one["name"], width=40), moment(one["updated_at"]), *texts)
    session.output.show(shown)
    if not found:
        session.output.hint("headwater saved save NAME SQL")


def show(session: Session, name: Name) -> None:
    """Print a saved statement, as it was written."""
    found = _find(session, name)
    session.output.document(found) if session.output.as_json else print(found["sql"], flush=True)


def save(
    session: Session,
    name: Name,
    sql: Sql = None,
    file: SqlFile = None,
    description: Description = None,
    database: Database = None,
    replace: Replace = False,
) -> None:
    """Keep a statement under a name; it is checked when it runs.

    headwater saved save by-country "SELECT country, count(*) FROM orders GROUP BY 1"

    headwater saved save report --file report.sql --replace
    """
    request: SavedQueryRequest = {"name": name, "sql": read_statement(sql, file), "description": description, "database": database}
    there = session.client.saved.find(name) if replace else None
    kept = session.client.saved.create(request) if there is None else session.client.saved.replace(there["id"], request)
    session.output.document(kept) if session.output.as_json else session.output.line(f"{name} is saved")
    session.output.hint(f"headwater saved run {name}")


def run(
    session: Session,
    name: Name,
    parameter: Parameters = None,
    format: Shape = "table",  # noqa: A002 - the option's own name
    output: Target = None,
    limit: MaxRows = FIRST_ROWS,
    max_bytes: MaxBytes = None,
    reuse: Reuse = None,
) -> None:
    """Run a saved query, with all that `headwater query` can do. Ctrl-C cancels it.

    headwater saved run report -o report.xlsx
    """
    found = _find(session, name)
    ask(session, found["sql"], read_parameters(parameter), found["database"], Wish(format, output, limit, max_bytes, reuse))


def remove(session: Session, name: Name, yes: Yes = False) -> None:
    """Remove a saved query; what it has answered stays."""
    found = _find(session, name)
    session.require_yes(f"Remove {name}?", said=yes, because=f"without it {name} is not removed.")
    session.client.saved.delete(found["id"])
    session.output.document({"removed": name}) if session.output.as_json else session.output.line(f"{name} is removed")


def _find(session: Session, name: str) -> SavedQuery:
    found = session.client.saved.find(name)
    if found is None:
        names = [saved["name"] for saved in session.client.saved.list(limit=500)]
        raise HeadwaterError(f"There is no saved query {name}. {did_you_mean(name, names, otherwise='`headwater saved` lists what there is.')}")
    return found
