"""Progress: a bar with speed and time left on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn, TransferSpeedColumn

from headwater.cli.output import Output
from headwater.cli.text import clean, size
from headwater.client.models import Job

_LINE_EVERY_S = 5.0


class Meter(Protocol):
    """Shows how far something is."""

    def bytes(self, done: int, total: int | None) -> None:
        """Show bytes."""
        ...

    def job(self, job: Job) -> None:
        """Show a job."""
        ...


@contextmanager
def meter(output: Output, label: str) -> Iterator[Meter]:
    """Show progress under a label until the end of the block."""
    if output.quiet:
        yield _Silence()
    elif output.err.is_terminal:
        with _bar(output) as progress:
            yield _Bar(progress, progress.add_task(clean(label), total=None, phase=""))
    else:
        yield _Lines(output, label)


def _bar(output: Output) -> Progress:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[phase]}", style="dim", markup=False),
    )
    return Progress(*columns, console=output.err, transient=True)


class _Silence:
    def bytes(self, done: int, total: int | None) -> None:
        """Show nothing."""

    def job(self, job: Job) -> None:
        """Show nothing."""


class _Bar:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def bytes(self, done: int, total: int | None) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=done, total=total)

    def job(self, job: Job) -> None:
        """Move the bar to where the job is, and name its phase."""
        figures = job["progress"]
        phase = job["phase"] or job["state"]
        self._progress.update(self._task, completed=figures["bytes_done"] or 0, total=figures["bytes_total"], phase=phase.replace("_", " "))


class _Lines:
    """Says now and then how far it is; nothing of what takes no time."""

    def __init__(self, output: Output, label: str) -> None:
        self._output = output
        self._label = label
        self._said = time.monotonic()

    def bytes(self, done: int, total: int | None) -> None:
        """Say how many bytes are done."""
        if self._due():
            share = f", {100 * done // total} %" if total else ""
            self._output.note(f"{self._label}: {size(done)}{'' if total is None else f' of {size(total)}'}{share}")

    def job(self, job: Job) -> None:
        """Say how far the job is."""
        if self._due():
            percent = job["progress"]["percent"]
            self._output.note(f"{self._label}: {(job['phase'] or job['state']).replace('_', ' ')}{'' if percent is None else f', {percent:.0f} %'}")

    def _due(self) -> bool:
        if time.monotonic() - self._said < _LINE_EVERY_S:
            return False
        self._said = time.monotonic()
        return True
