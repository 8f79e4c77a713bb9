"""The audit: who changed or removed what of a workspace, written in the transaction that does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert

from services.shared.clock import utc_now
from services.shared.ids import new_id
from services.shared.principal import Principal
from services.shared.records.tables import audit


def note(tx: Connection, principal: Principal, action: str, resource_id: str, *, request_id: str | None, detail: Mapping[str, Any]) -> None:
    """Write that `action` (`noun.verb`) was asked for; `detail` holds names and figures, never a cell or a secret."""
    tx.execute(
        insert(audit).values(
            id=new_id("aud"),
            workspace=principal.workspace,
            actor=principal.owner,
            at=utc_now(),
            action=action,
            resource_id=resource_id,
            request_id=request_id,
            detail=dict(detail),
        )
    )
