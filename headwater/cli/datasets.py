"""Commands about tables: list them, look at them, go back a version, drop them."""

from __future__ import annotations

from typing import Annotated

import typer

from headwater.cli.listing import Limit, moment
from headwater.cli.output import table
from headwater.cli.progress import meter
from headwater.cli.receipts import Dataset
from headwater.cli.session import Session, Yes, command, group
from headwater.cli.text import cell, count, size

Search = Annotated[str | None, typer.Option("--search", "-s", help="Only those with this text in their name.")]
Version = Annotated[int, typer.Argument(min=1, help="The version to go back to.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    listed = group(app, "datasets", list_, help="List, show, restore and drop tables.")
    command(listed, "show")(show)
    command(listed, "versions")(versions)
    command(listed, "restore")(restore)
    command(listed, "drop")(drop)


def list_(session: Session, search: Search = None, limit: Limit = 50) -> None:
    """List the datasets, newest first."""
    found = list(session.client.datasets.list(search=search, limit=limit))
    if session.output.as_json:
        session.output.document({"items": found})
        return
    shown = table("name", "state", "version", "rows", "size", "columns", "from", right=("version", "rows", "size", "columns"))
    for one in found:
        rows = "" if one["rows"] is None else f"{one['rows']:,}"
        source = "" if one["source"] is None else one["source"]["filename"]
        shown.add_row(
            one["name"], one["state"], str(one["version"] or ""), rows, size(one["bytes"]), str(len(one["columns"])), cell(source, width=40)
        )
    session.output.show(shown)
    if not found:
        session.output.hint("headwater load FILE NAME")


def show(session: Session, name: Dataset) -> None:
    """Show a dataset and its columns."""
    found = session.client.datasets.get(name)
    if session.output.as_json:
        session.output.document(found)
        return
    session.output.line(
        f"{found['database']}.{found['name']}, version {found['version'] or '-'}, {found['state']}: {found['description'] or found['format']}"
    )
    session.output.line(f"{count(found['rows'], 'row')}, {size(found['bytes'])} in {count(found['files'], 'file')}")
    shown = table("column", "type", "in the file", "comment")
    for column in found["columns"]:
        shown.add_row(column["name"], column["type"], cell(column["source_name"], width=40), cell(column["comment"] or "", width=40))
    session.output.show(shown)


def versions(session: Session, name: Dataset) -> None:
    """List the versions that are kept."""
    found = list(session.client.datasets.versions(name))
    if session.output.as_json:
        session.output.document({"items": found})
        return
    shown = table("version", "", "made by", "rows", "size", "at", right=("version", "rows", "size"))
    for one in found:
        made = one["mode"] if one["restored_from"] is None else f"restore of {one['restored_from']}"
        at = moment(one["created_at"])
        shown.add_row(str(one["version"]), "current" if one["current"] else "", made, f"{one['rows']:,}", size(one["bytes"]), at)
    session.output.show(shown)


def restore(session: Session, name: Dataset, version: Version) -> None:
    """Make an old version the current one again, as a new version."""
    job = session.client.datasets.restore(name, version)
    with meter(session.output, "restore") as shown:
        session.client.jobs.wait(job["id"], on_change=shown.job)
    found = session.client.datasets.get(name)
    session.output.document(found) if session.output.as_json else session.output.line(
        f"{name} is at version {found['version']}, with the files of {version}"
    )


def drop(session: Session, name: Dataset, yes: Yes = False) -> None:
    """Drop a dataset: its table, its versions and its files. It can't be undone."""
    rows = count(session.client.datasets.get(name)["rows"], "row")
    session.require_yes(f"Drop {name} with its {rows}?", said=yes, because=f"{name} has {rows}, and a drop can't be undone.")
    job = session.client.datasets.drop(name)
    with meter(session.output, "drop") as shown:
        ended = session.client.jobs.wait(job["id"], on_change=shown.job)
    session.output.document(ended) if session.output.as_json else session.output.line(f"{name} is dropped")
