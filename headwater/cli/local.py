"""Commands for the Headwater of this machine: they need what the server needs, and become its own programs."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.session import Session, UsageError, command

Target = Annotated[Path, typer.Argument(help="The folder that is, or becomes, the backup.", show_default=False)]
Check = Annotated[bool, typer.Option("--check", help="Change nothing: read every byte of the backup that is there.")]
Source = Annotated[Path, typer.Argument(help="The folder of a backup.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "up", rich_help_panel="This machine")(up)
    command(app, "doctor", rich_help_panel="This machine")(doctor)
    command(app, "backup", rich_help_panel="This machine")(backup)
    command(app, "restore", rich_help_panel="This machine")(restore)


def up(_: Session) -> None:
    """Run everything until Ctrl-C, as `make up` does; state is kept in HEADWATER_HOME, .headwater when left out."""
    _become("headwater.up")


def doctor(session: Session) -> None:
    """Say in plain words what is wrong with this installation, and what to do; exit code 1 if something is."""
    _become("headwater.doctor", *(("--json",) if session.output.as_json else ()))


def backup(_: Session, target: Target, check: Check = False) -> None:
    """Bring a backup of HEADWATER_HOME to this moment, while everything runs; what it has already is not copied again."""
    _become("headwater.backup", "check" if check else "take", str(target))


def restore(_: Session, source: Source) -> None:
    """Make a new home, HEADWATER_HOME, of a backup; one that is not empty, or in use, is refused."""
    _become("headwater.backup", "restore", str(source))


def _become(module: str, *arguments: str) -> None:
    """Go on as another program of ours: same process, same terminal, same signals."""
    if importlib.util.find_spec("celery") is None:
        raise UsageError("Only the client is installed here. The server runs from its own folder, after `make install`.")
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - our own program
