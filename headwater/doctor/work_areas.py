"""Work areas: folders below `ws/*/work/` in which jobs keep what is half done; those of no job that goes on are of no use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from headwater.doctor.finding import Finding, note
from services.shared.jobs.model import TERMINAL
from services.shared.records.database import Database
from services.shared.records.tables import jobs
from services.shared.settings import MIB, Settings

_NAMED = 3


def look_at_work(database: Database, settings: Settings) -> Iterator[Finding]:
    """Find work areas that no record of a job that goes on names; the folders are read before the records, so that no new job is taken for none."""
    areas = sorted(area for area in settings.objects_folder().glob("ws/*/work/*") if area.is_dir())
    if not areas:
        return
    with database.read() as tx:
        alive = set(tx.execute(select(jobs.c.id).where(jobs.c.state.not_in(TERMINAL))).scalars())
    orphans = [area for area in areas if area.name not in alive and any(area.rglob("*"))]
    if not orphans:
        return
    named = ", ".join(area.name for area in orphans[:_NAMED]) + (", …" if len(orphans) > _NAMED else "")
    size = sum(_size(area) for area in orphans) / MIB
    yield note(
        "leftovers",
        f"{len(orphans)} work areas of {size:.1f} MiB in objects/ws/ belong to no job that goes on: {named}.",
        "Nothing: the reconciler frees them within minutes while Headwater runs.",
    )


def _size(area: Path) -> int:
    """Return the bytes of the files in an area; what is deleted meanwhile counts as nothing."""
    total = 0
    for folder, _, names in os.walk(area):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                continue
    return total
