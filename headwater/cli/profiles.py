"""The command that shows what is in a file."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from headwater.cli.output import table
from headwater.cli.progress import meter
from headwater.cli.session import Session, command
from headwater.cli.text import cell, count, size
from headwater.cli.uploads import UploadId
from headwater.client.models import ColumnProfile, DialectRequest, Profile, ProfileRequest

Delimiter = Annotated[str | None, typer.Option("--delimiter", help="Read it again with this between cells; `\\t` is a tab.")]
Encoding = Annotated[str | None, typer.Option("--encoding", help="Read it again in this encoding.")]
Quote = Annotated[str | None, typer.Option("--quote", help="Read it again with this around cells; `none` for a file without quotes.")]
Header = Annotated[bool | None, typer.Option("--header/--no-header", help="Read it again; the first record does or does not name the columns.")]
Skip = Annotated[int | None, typer.Option("--skip-records", min=0, help="Read it again; so many records before the header are preamble.")]
NullValue = Annotated[
    list[str] | None, typer.Option("--null-value", help="Read it again; this text means NULL, in text columns too. May be given several times.")
]
AsContract = Annotated[bool, typer.Option("--contract", help="Print it as a contract, to edit and to publish by.")]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "profile", rich_help_panel="A file's way")(profile)


def profile(
    session: Session,
    upload_id: UploadId = "last",
    contract: AsContract = False,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    quote: Quote = None,
    header: Header = None,
    skip_records: Skip = None,
    null_value: NullValue = None,
) -> None:
    """Show what is in a file: every column over every record, waiting until that is known.

    headwater profile last

    headwater profile last --contract > orders.json

    headwater profile upl_… --delimiter ';' --encoding cp1252
    """
    given: dict[str, Any] = {"delimiter": _unescaped(delimiter), "encoding": encoding, "header": header, "skip_records": skip_records}
    dialect: Any = {key: value for key, value in given.items() if value is not None}
    if quote is not None:
        dialect["quotechar"] = None if quote == "none" else quote
    found = look(session, session.upload_id(upload_id), _request(dialect, null_value))
    if contract:
        session.output.document(as_contract(found))
    elif session.output.as_json:
        session.output.document(found)
    else:
        _show(session, found)
        session.output.hint(f"headwater publish {found['upload_id']} NAME")


def look(session: Session, upload_id: str, request: ProfileRequest | None = None) -> Profile:
    """Return an upload's profile, made anew where it is asked for, waiting for it."""
    session.if_interrupted = "the profile is made all the same"
    if request is not None:
        session.client.profiles.again(upload_id, request)
    with meter(session.output, "profile") as shown:
        return session.client.profiles.wait(upload_id, on_change=shown.job)


def as_contract(found: Profile) -> dict[str, Any]:
    """Return what a publish of this profile would do, written out."""
    columns = [{"source_name": column["source_name"], "name": column["name"], "type": column["type"], "include": True} for column in found["columns"]]
    return {"profile_id": found["id"], "columns": columns}


def _request(dialect: DialectRequest, null_values: list[str] | None) -> ProfileRequest | None:
    if not dialect and not null_values:
        return None
    request: ProfileRequest = {"dialect": dialect}
    if null_values:
        request["null_values"] = null_values
    return request


def _unescaped(text: str | None) -> str | None:
    return None if text is None else text.replace("\\t", "\t")


def _show(session: Session, found: Profile) -> None:
    out, dialect = session.output, found["dialect"]
    quoted = "no quotes" if dialect["quotechar"] is None else f"quote {dialect['quotechar']}"
    header = "a header" if dialect["header"] else "no header"
    out.line(f"{count(found['records'], 'record')}, {count(found['total_columns'], 'column')}, {size(found['bytes'])}")
    out.line(f"{dialect['encoding']}, delimiter {dialect['delimiter']!r}, {quoted}, {header}, compression {dialect['compression']}")
    shown = table("#", "column", "type", "null", "empty", "distinct", "min", "max", "most often", right=("#", "null", "empty", "distinct"))
    for column in found["columns"]:
        shown.add_row(*_row(column, width=min(24, out.cell_width)))
    out.show(shown)
    for warning in found["warnings"]:
        out.line(f"look at: {warning['detail']} ({warning['code']}{', ' + warning['column'] if 'column' in warning else ''})")
    if found["rejected_records"]:
        out.line(f"{count(found['rejected_records'], 'record')} could not be read")
        out.hint(f"headwater rejects {found['upload_id']}")


def _row(column: ColumnProfile, *, width: int) -> list[Any]:
    top = column["top"][0]["value"] if column["top"] and column["top"][0]["count"] > 1 else ""
    distinct = f"{'' if column['distinct_is_exact'] else '~'}{column['distinct']:,}"
    figures = [f"{column['nulls']:,}", f"{column['empty']:,}", distinct]
    return [
        str(column["position"]),
        cell(column["name"], width=width),
        column["type"],
        *figures,
        *[cell(one, width=width) for one in (column["min"], column["max"], top)],
    ]
