"""What a command says: results on stdout, for people or as JSON; everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table

from headwater.cli.text import clean
from headwater.client import HeadwaterError

_PIPE_WIDTH = 10_000


class Output:
    """The two streams of a command."""

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self._terminal = sys.stdout.isatty()
        self._out = Console(highlight=False, markup=False, soft_wrap=not self._terminal, width=None if self._terminal else _PIPE_WIDTH)
        self.err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self.cell_width = 60 if self._terminal else 200

    def document(self, value: Any) -> None:
        """Print JSON: indented for people, a line for programs."""
        print(json.dumps(value, indent=2 if self._terminal else None, ensure_ascii=False), flush=True)

    def line(self, text: str = "") -> None:
        """Print a line of the result, for people."""
        if not self.as_json:
            self._out.print(clean(text))

    def show(self, thing: RenderableType) -> None:
        """Print a table, for people; outside a terminal without blanks at the ends of lines."""
        if self.as_json:
            return
        if self._terminal:
            self._out.print(thing)
            return
        with self._out.capture() as drawn:
            self._out.print(thing)
        print("\n".join(line.rstrip() for line in drawn.get().splitlines()), flush=True)

    def note(self, text: str) -> None:
        """Say what goes on."""
        if not self.quiet:
            self.err.print(clean(text))

    def hint(self, *commands: str) -> None:
        """Say what to do next."""
        if not self.quiet and not self.as_json:
            for command in commands:
                self.err.print(f"next: {command}", style="dim")

    def problem(self, error: Exception, *, advice: str | None = None) -> None:
        """Say what went wrong: a sentence on stderr, and as JSON the problem on stdout."""
        problem = error.problem if isinstance(error, HeadwaterError) else None
        if self.as_json:
            self.document({"error": problem or {"title": type(error).__name__, "detail": str(error), "code": None}})
        self.err.print(f"headwater: {clean(str(error))}", style="red")
        for field in problem.get("errors", []) if problem is not None else []:
            self.err.print(clean(f"  {field['pointer']}: {field['detail']}"))
        if problem is not None:
            self.err.print(clean(f"  ({problem['code']}{_place(problem)})"), style="dim")
        if advice is not None:
            self.err.print(clean(f"  {advice}"))


def table(*headers: str, right: Sequence[str] = ()) -> Table:
    """Return an empty table in our manner; the named columns hold figures."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for header in headers:
        made.add_column(clean(header), justify="right" if header in right else "left", overflow="ellipsis", no_wrap=True)
    return made


def _place(problem: Any) -> str:
    if "line" not in problem:
        return ""
    return f", line {problem['line']}" + (f", column {problem['column']}" if "column" in problem else "")
