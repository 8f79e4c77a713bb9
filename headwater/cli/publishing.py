"""Commands that make tables of files: publish, and the whole way at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from headwater.cli.profiles import look
from headwater.cli.progress import meter
from headwater.cli.receipts import show_receipt
from headwater.cli.session import Session, UsageError, command
from headwater.cli.uploads import Parallel, send
from headwater.client.datasets import CONTRACT
from headwater.client.models import DatasetFormat, Receipt
from headwater.client.uploads import Sending

TableName = Annotated[str, typer.Argument(metavar="NAME", help="The name of the table: small letters, digits, underscores.", show_default=False)]
Published = Annotated[str, typer.Argument(metavar="UPLOAD", help="The upload's id; `last` is the newest one.", show_default=False)]
File = Annotated[Path, typer.Argument(help="The file, plain or compressed; `-` is standard input.", show_default=False)]
Mode = Annotated[
    Literal["create", "append", "replace"], typer.Option("--mode", help="A new table, more rows for one, or new rows instead of its old ones.")
]
Format = Annotated[DatasetFormat, typer.Option("--format", help="The format of the table's files.")]
PartitionBy = Annotated[list[str] | None, typer.Option("--partition-by", help="A column to partition by. May be given several times.")]
ContractFile = Annotated[
    Path | None,
    typer.Option(
        "--contract", exists=True, dir_okay=False, help="A JSON file with names, types and more; `headwater profile --contract` writes one."
    ),
]
OnlyNamed = Annotated[bool, typer.Option("--only-named", help="Leave out the columns that the contract does not name.")]
Description = Annotated[str | None, typer.Option("--description", help="What the table is.")]
OnReject = Annotated[Literal["quarantine", "fail"] | None, typer.Option("--on-reject", help="Set records that do not fit aside, or fail.")]
RejectRatio = Annotated[float | None, typer.Option("--max-reject-ratio", min=0, max=1, help="The highest share of records that may be set aside.")]
OnMissing = Annotated[
    Literal["fail", "null"] | None, typer.Option("--on-missing-column", help="For an append: a column of the table that the file lacks.")
]
Expected = Annotated[int | None, typer.Option("--expected-version", min=1, help="For append and replace: only if this is the current version.")]
ProfileId = Annotated[str | None, typer.Option("--profile", help="The profile to publish by, if not the newest.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "load", rich_help_panel="A file's way")(load)
    command(app, "publish", rich_help_panel="A file's way")(publish)


def load(
    session: Session,
    file: File,
    name: TableName,
    mode: Mode = "create",
    contract: ContractFile = None,
    max_reject_ratio: RejectRatio = None,
    parallel: Parallel = 1,
) -> None:
    """Bring a file all the way to a table: upload, profile, publish, and show the receipt.

    headwater load orders.csv orders

    headwater load more.csv.gz orders --mode append
    """
    how = _contract(contract, {"mode": mode, "max_reject_ratio": max_reject_ratio})
    upload = send(session, file, Sending(parallel=parallel))
    look(session, upload["id"])
    _answer(session, _publish(session, upload["id"], name, how), name)


def publish(
    session: Session,
    upload_id: Published,
    name: TableName,
    mode: Mode = "create",
    format: Format = "parquet",  # noqa: A002 - the option's own name
    partition_by: PartitionBy = None,
    contract: ContractFile = None,
    only_named: OnlyNamed = False,
    description: Description = None,
    on_reject: OnReject = None,
    max_reject_ratio: RejectRatio = None,
    on_missing_column: OnMissing = None,
    expected_version: Expected = None,
    profile: ProfileId = None,
) -> None:
    """Publish an upload as a table, and show the receipt.

    headwater publish last orders

    headwater publish upl_… orders --mode append --contract orders.json
    """
    options = {
        "mode": mode,
        "format": None if format == "parquet" else format,
        "other_columns": "leave_out" if only_named else None,
        "partition_by": partition_by or None,
        "description": description,
        "on_reject": on_reject,
        "max_reject_ratio": max_reject_ratio,
        "on_missing_column": on_missing_column,
        "expected_version": expected_version,
        "profile_id": profile,
    }
    how, chosen = _contract(contract, options), session.upload_id(upload_id)
    look(session, chosen)
    _answer(session, _publish(session, chosen, name, how), name)


def _publish(session: Session, upload_id: str, name: str, how: dict[str, Any]) -> Receipt:
    job = session.client.datasets.publish(upload_id, name, **how)
    session.if_interrupted = f"the publish goes on; `headwater jobs follow {job['id']}` shows it, `headwater jobs cancel {job['id']}` stops it"
    with meter(session.output, "publish") as shown:
        result: Any = session.client.jobs.wait(job["id"], on_change=shown.job)["result"]
    return session.client.datasets.receipt(result["dataset"], version=result["version"])


def _contract(file: Path | None, options: dict[str, Any]) -> dict[str, Any]:
    """Return the contract of the file with what the options say; what neither says is as profiled."""
    written: Any = {}
    if file is not None:
        try:
            written = json.loads(file.read_bytes())
        except ValueError as error:
            raise UsageError(f"{file} is not JSON: {error}") from error
        unknown = sorted(set(written) - CONTRACT) if isinstance(written, dict) else ["what is no object"]
        if unknown:
            raise UsageError(f"{file} has {', '.join(unknown)}; a contract has {', '.join(sorted(CONTRACT))}.")
    chosen = {key: value for key, value in options.items() if value is not None and not (key == "mode" and value == "create" and "mode" in written)}
    return {**written, **chosen}


def _answer(session: Session, receipt: Receipt, name: str) -> None:
    if session.output.as_json:
        session.output.document(receipt)
        return
    show_receipt(session, name, receipt)
    session.output.hint(f"headwater query 'SELECT * FROM {name} LIMIT 10'")  # noqa: S608 - a hint for people
