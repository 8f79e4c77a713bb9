"""Commands about long work: list it, follow it, stop it, try it again."""

from __future__ import annotations

from typing import Annotated

import typer

from headwater.cli.listing import Limit, moment
from headwater.cli.output import table
from headwater.cli.progress import meter
from headwater.cli.session import Session, command, group
from headwater.cli.text import cell
from headwater.client.models import Job

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.", show_default=False)]
States = Annotated[list[str] | None, typer.Option("--state", help="Only those in this state. May be given several times.")]
Kinds = Annotated[list[str] | None, typer.Option("--kind", help="Only those of this kind: profile, publish, export, drop.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    listed = group(app, "jobs", list_, help="List, follow, cancel and retry long work.")
    command(listed, "show")(show)
    command(listed, "follow")(follow)
    command(listed, "cancel")(cancel)
    command(listed, "retry")(retry)


def list_(session: Session, state: States = None, kind: Kinds = None, limit: Limit = 20) -> None:
    """List the jobs, newest first."""
    found = list(session.client.jobs.list(states=state or (), kinds=kind or (), limit=limit))
    if session.output.as_json:
        session.output.document({"items": found})
        return
    shown = table("id", "kind", "state", "done", "attempt", "queued", "why", right=("done", "attempt"))
    for one in found:
        percent = one["progress"]["percent"]
        why = "" if one["error"] is None else one["error"]["detail"]
        at = moment(one["queued_at"])
        shown.add_row(
            one["id"], one["kind"], one["state"], "" if percent is None else f"{percent:.0f} %", str(one["attempt"]), at, cell(why, width=60)
        )
    session.output.show(shown)


def show(session: Session, job_id: JobId) -> None:
    """Show one job."""
    _say(session, session.client.jobs.get(job_id))


def follow(session: Session, job_id: JobId) -> None:
    """Follow a job to its end; exit code 4 if it does not succeed. With --json each state is a line."""
    session.if_interrupted = f"the job goes on; `headwater jobs cancel {job_id}` stops it"
    with meter(session.output, job_id) as shown:

        def tell(job: Job) -> None:
            session.output.document(job) if session.output.as_json else shown.job(job)

        job = session.client.jobs.wait(job_id, on_change=tell)
    if not session.output.as_json:
        _say(session, job)


def cancel(session: Session, job_id: JobId) -> None:
    """Ask a job to stop; it does within two seconds."""
    _say(session, session.client.jobs.cancel(job_id))


def retry(session: Session, job_id: JobId) -> None:
    """Try a failed or cancelled job again."""
    _say(session, session.client.jobs.retry(job_id))
    session.output.hint(f"headwater jobs follow {job_id}")


def _say(session: Session, job: Job) -> None:
    if session.output.as_json:
        session.output.document(job)
        return
    asked = ", asked to stop" if job["cancel_requested_at"] is not None and job["state"] == "running" else ""
    session.output.line(f"{job['id']}  {job['kind']}  {job['state']}{asked}")
    if job["error"] is not None:
        session.output.line(f"{job['error']['detail']} ({job['error']['code']})")
