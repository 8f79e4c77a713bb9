"""Commands about uploads: send files, look at what arrived."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.listing import Limit
from headwater.cli.output import table
from headwater.cli.progress import meter
from headwater.cli.session import Session, UsageError, command, group
from headwater.cli.text import cell, count, size
from headwater.client.models import Upload
from headwater.client.uploads import Sending

Files = Annotated[list[Path], typer.Argument(help="The files, plain or compressed; `-` is standard input.", show_default=False)]
Name = Annotated[str | None, typer.Option("--filename", help="The name to show, if not the file's own.")]
Sha256 = Annotated[str | None, typer.Option("--sha256", help="The file's digest; an upload that differs fails.")]
Parallel = Annotated[
    int,
    typer.Option("--parallel", min=1, max=32, help="Send so many pieces at once: quicker over long ways, but nothing is profiled before the end."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Begin anew, whatever an earlier run has sent.")]
UploadId = Annotated[str, typer.Argument(help="The upload's id; `last` is the newest one.")]
Rows = Annotated[int, typer.Option("--rows", min=1, max=1000, help="How many rows.")]
Force = Annotated[bool, typer.Option("--force", help="Even if a version of a dataset refers to it; the version stays, the raw file does not.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "upload", rich_help_panel="A file's way")(upload)
    command(app, "preview", rich_help_panel="A file's way")(preview)
    listed = group(app, "uploads", list_, help="List, show and delete uploads.")
    command(listed, "show")(show)
    command(listed, "delete")(delete)


def upload(session: Session, files: Files, filename: Name = None, sha256: Sha256 = None, parallel: Parallel = 1, fresh: Fresh = False) -> None:
    """Send files. A run that was interrupted, or killed, is gone on with by the same command.

    headwater upload orders.csv.gz

    pg_dump … | headwater upload - --filename orders.csv
    """
    if len(files) > 1 and (filename is not None or sha256 is not None):
        raise UsageError("--filename and --sha256 are for one file.")
    for file in files:
        sent = send(session, file, Sending(filename, sha256, parallel, not fresh))
        session.output.document(sent) if session.output.as_json else session.output.line(f"{sent['id']}  {sent['filename']}  {size(sent['offset'])}")
    session.output.hint("headwater profile last", "headwater publish last NAME")


def send(session: Session, file: Path, sending: Sending) -> Upload:
    """Send one file, or standard input, showing how far it is."""
    uploads = session.client.uploads
    if str(file) == "-":
        with meter(session.output, sending.filename or "stdin.csv") as shown:
            return uploads.send_stream(sys.stdin.buffer, sending, report=shown.bytes)
    resumed: list[int] = []

    def report(done: int, total: int | None) -> None:
        if not resumed:
            resumed.append(done)
            if done:
                session.output.note(f"{file.name}: {size(done)} are there already")
        shown.bytes(done, total)

    session.if_interrupted = "what was sent stays, and the same command goes on"
    with meter(session.output, file.name) as shown:
        return uploads.send_file(file, sending, report=report)


def preview(session: Session, upload_id: UploadId = "last", rows: Rows = 10) -> None:
    """Show the first rows as they are in the file."""
    found = session.client.uploads.preview(session.upload_id(upload_id), rows=rows)
    if session.output.as_json:
        session.output.document(found)
    elif found is None:
        session.output.note("There is no preview yet; it is made when 256 KiB or the last byte have arrived.")
    else:
        shown = table(*[column["source_name"] for column in found["columns"]])
        for row in found["rows"]:
            shown.add_row(*[cell(value, width=session.output.cell_width) for value in row])
        session.output.show(shown)
        session.output.hint(f"headwater profile {upload_id}")


def list_(session: Session, limit: Limit = 50) -> None:
    """List the uploads, newest first."""
    found = list(session.client.uploads.list(limit=limit))
    if session.output.as_json:
        session.output.document({"items": found})
        return
    shown = table("id", "file", "size", "state", "sent", right=("size", "sent"))
    for one in found:
        sent = "" if not one["size"] else f"{100 * one['offset'] // one['size']} %"
        shown.add_row(one["id"], cell(one["filename"], width=40), size(one["size"]), one["state"], sent)
    session.output.show(shown)
    if not found:
        session.output.hint("headwater upload FILE")


def show(session: Session, upload_id: UploadId = "last") -> None:
    """Show one upload."""
    found = session.client.uploads.get(session.upload_id(upload_id))
    if session.output.as_json:
        session.output.document(found)
        return
    session.output.line(f"{found['id']}  {found['filename']}  {found['state']}, {count(found['offset'], 'byte')} of {found['size'] or '?'}")
    if found["error"] is not None:
        session.output.line(f"{found['error']['detail']} ({found['error']['code']})")


def delete(session: Session, upload_id: Annotated[str, typer.Argument(help="The upload's id.")], force: Force = False) -> None:
    """Delete an upload and its bytes."""
    session.client.uploads.delete(upload_id, force=force)
    session.output.document({"deleted": upload_id}) if session.output.as_json else session.output.line(f"{upload_id} is deleted")
