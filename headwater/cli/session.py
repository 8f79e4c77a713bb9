"""One call of the command line: its client, its output, and the exit code that each end has.

0 done · 1 the server refused, or something was found wrong · 2 the call itself is wrong · 3 nothing answers · 4 a job, a query or an upload
failed or was cancelled · 5 a file on this machine can't be read or written, or changed · 130 interrupted · 141 nobody reads the output any more.
"""

from __future__ import annotations

import difflib
import inspect
import os
import sys
import typing
from collections.abc import Callable
from enum import IntEnum
from functools import cached_property
from typing import Annotated, Any

import typer

from headwater.cli.output import Output
from headwater.client import Cancelled, CannotConnect, Client, Failed, HeadwaterError, SourceChanged


class Exit(IntEnum):
    """How a command ends."""

    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    FAILED = 4
    FILE = 5
    INTERRUPTED = 130
    PIPE_CLOSED = 141


class UsageError(Exception):
    """The call itself is wrong, in a way that only the command can see."""


class Session:
    """What a command works with."""

    def __init__(self, output: Output, url: str | None) -> None:
        self.output = output
        self.if_interrupted = ""
        self._url = url

    @cached_property
    def client(self) -> Client:
        """The server that is talked to."""
        try:
            return Client(self._url)
        except ValueError as error:
            raise UsageError(str(error)) from error

    def upload_id(self, given: str) -> str:
        """Return the upload that is meant: an id, or `last` for the newest."""
        if given != "last":
            return given
        for upload in self.client.uploads.list(limit=1):
            return upload["id"]
        raise UsageError("There is no upload yet; `headwater upload FILE` sends one.")

    def require_yes(self, question: str, *, said: bool, because: str) -> None:
        """Go on only if it was said by `--yes`, or is said now; where nobody can be asked, it has to be said before."""
        if said:
            return
        if not sys.stdin.isatty():
            raise UsageError(f"--yes is missing: {because}")
        typer.confirm(question, abort=True, err=True)


def did_you_mean(wanted: str, names: list[str], *, otherwise: str) -> str:
    """Return which of the names may have been meant, or `otherwise`."""
    close = difflib.get_close_matches(wanted, names, n=3)
    return f"Did you mean {' or '.join(close)}?" if close else otherwise


AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON on stdout, for programs.", rich_help_panel="Everywhere")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but results and errors.", rich_help_panel="Everywhere")]
Url = Annotated[
    str | None,
    typer.Option("--url", envvar="HEADWATER_URL", help="Where Headwater is, if not on this machine.", rich_help_panel="Everywhere"),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_EVERYWHERE = {"json_": (AsJson, False), "quiet": (Quiet, False), "url": (Url, None)}


def command(app: typer.Typer, name: str, **options: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function whose first parameter is its session; it gets the options that are everywhere."""

    def register(work: Callable[..., None]) -> Callable[..., None]:
        app.command(name, **options)(_with_session(work))
        return work

    return register


def group(
    app: typer.Typer,
    name: str,
    otherwise: Callable[..., None],
    *,
    help: str,  # noqa: A002 - typer's own name
    called: str = "list",
) -> typer.Typer:
    """Make a group of commands; without one of them it does `otherwise`, which is `called` so among them."""
    made = typer.Typer(help=help)
    alone = _with_session(otherwise)
    parameters = alone.parameters

    def begin(context: typer.Context, **given: Any) -> None:
        if context.invoked_subcommand is None:
            alone(**given)
        elif any(given[parameter.name] != parameter.default for parameter in parameters if parameter.name != "url"):
            Output().problem(UsageError(f"Options come after the command: headwater {name} {context.invoked_subcommand} …"))
            raise typer.Exit(Exit.USAGE)

    own = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    made.callback(invoke_without_command=True)(_Command(begin, [own, *parameters], work=otherwise))
    command(made, called)(otherwise)
    app.add_typer(made, name=name, rich_help_panel="What is there")
    return made


class _Command:
    """A function under a signature that is put together: typer makes options of its parameters, and its help of its first words."""

    def __init__(self, run: Callable[..., None], parameters: list[inspect.Parameter], *, work: Callable[..., None]) -> None:
        self._run = run
        self.parameters = parameters
        self.__name__ = work.__name__
        self.__doc__ = work.__doc__
        self.__signature__ = inspect.Signature(parameters)
        self.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}

    def __call__(self, **given: Any) -> None:
        self._run(**given)


def _with_session(work: Callable[..., None]) -> _Command:
    hints = typing.get_type_hints(work, include_extras=True)
    kind = inspect.Parameter.KEYWORD_ONLY
    own = [parameter.replace(annotation=hints[name], kind=kind) for name, parameter in inspect.signature(work).parameters.items()][1:]
    everywhere = [inspect.Parameter(name, kind, default=default, annotation=hint) for name, (hint, default) in _EVERYWHERE.items()]

    def run(*, json_: bool, quiet: bool, url: str | None, **given: Any) -> None:
        session = Session(Output(as_json=json_, quiet=quiet), url)
        code = _ended(session, lambda: work(session, **given))
        if code:
            raise typer.Exit(code)

    return _Command(run, own + everywhere, work=work)


def _ended(session: Session, work: Callable[[], None]) -> int:
    """Do the work; say what went wrong, and return the exit code."""
    try:
        work()
    except KeyboardInterrupt:
        session.output.note(f"interrupted{'; ' if session.if_interrupted else ''}{session.if_interrupted}")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.PIPE_CLOSED
    except UsageError as error:
        session.output.problem(error)
        return Exit.USAGE
    except HeadwaterError as error:
        session.output.problem(error, advice=_advice(session, error))
        return _code_of(error)
    except OSError as error:
        said = error if error.filename is None else OSError(f"{error.filename}: {error.strerror}")
        session.output.problem(said)
        return Exit.FILE
    return 0


def _code_of(error: HeadwaterError) -> Exit:
    match error:
        case CannotConnect():
            return Exit.UNREACHABLE
        case Failed() | Cancelled():
            return Exit.FAILED
        case SourceChanged():
            return Exit.FILE
        case _:
            return Exit.REFUSED


def _advice(session: Session, error: HeadwaterError) -> str | None:
    """Return the way out, where it is not in the problem itself."""
    if isinstance(error, CannotConnect):
        return "Is it running? `headwater up` starts one here; --url or HEADWATER_URL names another."
    if error.code == "dataset_not_found" and error.problem is not None:
        wanted = str(error.problem["instance"]).removeprefix("/v1/datasets/").partition("/")[0]
        names = [dataset["name"] for dataset in session.client.datasets.list(limit=500)]
        return did_you_mean(wanted, names, otherwise="`headwater datasets` lists what there is.")
    return None
