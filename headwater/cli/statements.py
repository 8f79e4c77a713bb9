"""The statement of a command, and the values of its `?` marks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.session import UsageError
from headwater.client.queries import Parameter

Sql = Annotated[str | None, typer.Argument(metavar="SQL", help="One statement; from --file or standard input when left out.", show_default=False)]
SqlFile = Annotated[Path | None, typer.Option("--file", "-f", exists=True, dir_okay=False, help="Read the statement from a file.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", help="The value of the next `?`: JSON (42, 1.5, true, null, '\"42\"') is taken as that, the rest as text."),
]
Database = Annotated[str | None, typer.Option("--database", help="Where tables are that the statement does not qualify.")]


def read_statement(sql: str | None, file: Path | None) -> str:
    """Return the statement of the argument, the file or standard input."""
    if sql is not None and file is not None:
        raise UsageError("The statement is given twice: as an argument and by --file.")
    if file is not None:
        return file.read_text()
    if sql in (None, "-"):
        if sys.stdin.isatty():
            raise UsageError("There is no statement; give it as an argument, by --file, or on standard input.")
        return sys.stdin.read()
    return str(sql)


def read_parameters(given: list[str] | None) -> list[Parameter]:
    """Return the values that were given, in their order."""
    return [read_parameter(text) for text in given or ()]


def read_parameter(text: str) -> Parameter:
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
