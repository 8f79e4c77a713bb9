"""Uploads as they are listed and shown; partial ones are only pieces of a final one and are not listed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_, select

from services.api.paging import Listing, Paging, newest
from services.api.schemas.uploads import Upload as UploadSchema
from services.api.schemas.uploads import UploadList
from services.api.uploads.record import Actor
from services.shared.records.tables import uploads
from services.shared.records.uploads import PARTIAL, upload_from


def list_uploads(actor: Actor, *, states: Sequence[str], search: str | None, paging: Paging) -> UploadList:
    """Return a page of the workspace's uploads, newest first."""
    workspace = actor.principal.workspace
    statement = select(uploads).where(uploads.c.workspace == workspace, or_(uploads.c.concat.is_(None), uploads.c.concat != PARTIAL))
    if states:
        statement = statement.where(uploads.c.state.in_(states))
    if search:
        statement = statement.where(uploads.c.filename.icontains(search, autoescape=True))
    listing = Listing("uploads", workspace, (tuple(sorted(set(states))), search))
    with actor.services.database.read() as tx:
        rows, cursor = newest(tx, statement, uploads, listing=listing, paging=paging)
    return UploadList(items=tuple(UploadSchema.model_validate(upload_from(row)) for row in rows), next_cursor=cursor)
