"""Commands that show what became of every record: receipts and rejects."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from headwater.cli.output import table
from headwater.cli.session import Session, command
from headwater.cli.text import cell, count
from headwater.client.models import Receipt, Reject

Dataset = Annotated[str, typer.Argument(metavar="NAME", help="The dataset.", show_default=False)]
Version = Annotated[int | None, typer.Option("--version", min=1, help="The version, if not the current one.")]
Of = Annotated[str, typer.Argument(metavar="OF", help="An upload's id, a dataset's name, or a failed publish job's id; `last` is the newest upload.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print all of them as CSV.")]
Most = Annotated[int, typer.Option("--limit", min=1, help="The most to show.")]
_LEFT_OUT = ("header_records", "preamble_records", "comment_records", "blank_records", "rejected_records")
_FIELDS = ("line", "byte_offset", "code", "detail", "raw")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "receipt", rich_help_panel="What is there")(receipt)
    command(app, "rejects", rich_help_panel="What is there")(rejects)


def receipt(session: Session, name: Dataset, version: Version = None) -> None:
    """Show the proof that nothing was lost on the way into a table."""
    found = session.client.datasets.receipt(name, version=version)
    if session.output.as_json:
        session.output.document(found)
    else:
        show_receipt(session, name, found)


def show_receipt(session: Session, name: str, found: Receipt) -> None:
    """Show where every record went, and what was read back."""
    out = session.output
    rest = [f"{found[key]:,} {key.removesuffix('_records')}" for key in _LEFT_OUT if found[key]]  # type: ignore[literal-required]
    out.line(f"{name}, version {found['version']}: {'every record is accounted for' if found['balanced'] else 'it does NOT balance'}")
    out.line(f"{count(found['records_in'], 'record')} in = {' + '.join([count(found['published_rows'], 'row') + ' published', *rest])}")
    if found["rows_before"]:
        out.line(f"{found['rows_before']:,} rows before + {found['published_rows']:,} = {count(found['catalog_rows'], 'row')} in the table")
    shown = table("column", "type", "null", "min", "max", "sum", "read back", right=("null", "sum"))
    for column in found["columns"]:
        values = [cell(column[key], width=min(24, out.cell_width)) for key in ("min_in", "max_in", "sum_in")]
        shown.add_row(
            cell(column["name"], width=40), column["catalog_type"], f"{column['nulls_in']:,}", *values, "equal" if column["equal"] else "DIFFERS"
        )
    out.show(shown)
    if found["rejected_records"]:
        out.hint(f"headwater rejects {name}")


def rejects(session: Session, of: Of = "last", version: Version = None, as_csv: AsCsv = False, limit: Most = 20) -> None:
    """Show the records that could not be read, or that a publish set aside: where, why, and what they look like."""
    found = _rejects(session, of, version, None if as_csv else limit)
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(_FIELDS)
        writer.writerows([one["line"], one["byte_offset"], one["code"], one["detail"], one["raw"]] for one in found)
        return
    if session.output.as_json:
        session.output.document({"items": list(found)})
        return
    shown = table("line", "byte", "why", "record", right=("line", "byte"))
    number = 0
    for number, one in enumerate(found, 1):  # noqa: B007 - counted for the sentence below
        shown.add_row(str(one["line"]), str(one["byte_offset"]), cell(one["detail"], width=80), cell(one["raw"], width=session.output.cell_width))
    session.output.show(shown)
    if number in (0, limit):
        session.output.note("There are none." if number == 0 else f"The first {number} are shown; --csv gives all.")


def _rejects(session: Session, of: str, version: int | None, limit: int | None) -> Iterator[Reject]:
    if of.startswith("job_"):
        return session.client.jobs.rejects(of, limit=limit)
    if of == "last" or of.startswith("upl_"):
        return session.client.uploads.rejects(session.upload_id(of), limit=limit)
    return session.client.datasets.rejects(of, version=version, limit=limit)
