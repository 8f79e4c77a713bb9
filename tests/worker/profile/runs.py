"""Helpers that drive a profile run over bytes, in one go or in pieces."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from services.worker.csv.blocks import Reject
from services.worker.profile.model import ColumnProfile, Profile
from services.worker.profile.run import ProfileRun, ProfileSettings


def profile(data: bytes, **settings: object) -> Profile:
    """Profile the whole at once."""
    return profile_with_rejects(data, **settings)[0]


def profile_with_rejects(data: bytes, **settings: object) -> tuple[Profile, list[Reject]]:
    rejects: list[Reject] = []
    run = ProfileRun.start(ProfileSettings.from_json(settings))
    run.advance(io.BytesIO(data), available=len(data), final=True, report=quiet, rejects=rejects.extend, stop=lambda: False)
    return run.finish(), rejects


def profile_in_steps(data: bytes, sizes: Iterable[int], **settings: object) -> tuple[Profile, list[Reject]]:
    """Let the file grow to each size in turn, saved to bytes and restored in between."""
    rejects: list[Reject] = []
    run = ProfileRun.start(ProfileSettings.from_json(settings))
    for available in [*sizes, len(data)]:
        run = ProfileRun.restore(run.checkpoint())
        final = available == len(data)
        run.advance(io.BytesIO(data[:available]), available=available, final=final, report=quiet, rejects=rejects.extend, stop=lambda: False)
    return ProfileRun.restore(run.checkpoint()).finish(), rejects


def column(cells: Sequence[str | None], **settings: object) -> ColumnProfile:
    """Profile one column beside a row number; None is an unquoted empty field."""
    return profile(table([["n", "c"], *([str(row), cell] for row, cell in enumerate(cells))]), dialect=RFC, **settings).columns[1]


def table(rows: Sequence[Sequence[str | None]]) -> bytes:
    """Write RFC 4180 text; None stays bare and "" is quoted."""
    return "".join(",".join("" if cell is None else _field(cell) for cell in row) + "\n" for row in rows).encode()


def _field(cell: str) -> str:
    if cell and not set(cell) & set(',"\r\n'):
        return cell
    target = io.StringIO()
    csv.writer(target, quoting=csv.QUOTE_ALL, lineterminator="").writerow([cell])
    return target.getvalue()


def quiet(*, bytes_done: int, records_done: int) -> None:
    """Take a report and say nothing."""


RFC = {"delimiter": ",", "quotechar": '"', "header": True, "encoding": "utf-8", "skip_records": 0, "lineterminator": "\n", "compression": "none"}
