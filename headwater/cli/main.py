"""The command line: `headwater`, from a file to a table to an answer."""

from __future__ import annotations

import signal
import sys

import typer

from headwater.cli import catalog, datasets, jobs, local, profiles, publishing, queries, receipts, saved, uploads
from headwater.cli.session import Session, command
from headwater.client import CannotConnect
from headwater.client.version import VERSION

_HELP = """Very large CSV files, to tables that a team can query, with proof that nothing was lost.

headwater load orders.csv orders

headwater query "SELECT count(*) FROM orders"

The server is the one on this machine, or HEADWATER_URL; a token comes from HEADWATER_TOKEN alone.
Exit codes: 0 done, 1 refused, 2 wrong call, 3 nothing answers, 4 a job or query failed, 5 a file here, 130 interrupted.
"""


def main() -> None:
    """Run the command of the process's arguments."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    build()(prog_name="headwater")


def build() -> typer.Typer:
    """Return the commands."""
    app = typer.Typer(name="headwater", help=_HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich")
    publishing.add_to(app)
    uploads.add_to(app)
    profiles.add_to(app)
    queries.add_to(app)
    saved.add_to(app)
    datasets.add_to(app)
    catalog.add_to(app)
    receipts.add_to(app)
    jobs.add_to(app)
    local.add_to(app)
    command(app, "version", rich_help_panel="This machine")(version)
    return app


def version(session: Session) -> None:
    """Show the version of this command, and of the server if it answers."""
    try:
        meta = session.client.meta()
    except CannotConnect:
        meta = None
    if session.output.as_json:
        session.output.document({"client": VERSION, "server": None if meta is None else meta["version"], "url": session.client.url})
        return
    session.output.line(f"headwater {VERSION}")
    said = "does not answer" if meta is None else f"{meta['version']}, {meta['platform']}, {meta['engine']}"
    session.output.line(f"server {session.client.url} {said}")
