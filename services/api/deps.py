"""What a request's handlers work with: the collaborators of this process, and who acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from services.api.events import Feed
from services.api.live import LiveProgress
from services.shared.broker import make_app
from services.shared.catalog.port import Catalog
from services.shared.heartbeats import Heartbeats
from services.shared.jobs.store import JobStore
from services.shared.outbox import Outbox
from services.shared.principal import LOCAL, Principal
from services.shared.progress import ProgressBoard
from services.shared.records.database import Database
from services.shared.settings import Settings
from services.shared.storage.port import RawParts, Storage
from services.shared.wiring import EngineFacts, make_adapters

_BROKER_TIMEOUT_S = 1.5


@dataclass(frozen=True)
class Services:
    """The collaborators of an api process."""

    settings: Settings
    database: Database
    storage: Storage
    parts: RawParts
    catalog: Catalog
    jobs: JobStore
    outbox: Outbox
    board: ProgressBoard
    live: LiveProgress
    heartbeats: Heartbeats
    engine: EngineFacts

    def close(self) -> None:
        """Finish what is being sent and close every connection."""
        self.outbox.close()
        self.database.close()


def make_services(settings: Settings) -> Services:
    """Return the collaborators that the settings choose; its Celery application only sends, and soon gives up."""
    adapters = make_adapters(settings)
    celery = make_app("headwater-api", settings, socket_timeout_s=_BROKER_TIMEOUT_S, patient=False)
    board = ProgressBoard(settings)
    return Services(
        settings=settings,
        database=adapters.database,
        storage=adapters.storage,
        parts=adapters.parts,
        catalog=adapters.catalog,
        jobs=JobStore(adapters.database, settings),
        outbox=Outbox(adapters.database, celery, settings),
        board=board,
        live=LiveProgress(board),
        heartbeats=Heartbeats(settings),
        engine=adapters.engine,
    )


async def get_services(request: Request) -> Services:
    """Return this process's collaborators."""
    return cast(Services, request.app.state.services)


async def get_principal(request: Request) -> Principal:
    """Return who acts: whoever signed in, or, on one machine without sign-in, its user."""
    return cast(Principal, getattr(request.state, "principal", LOCAL))


@dataclass(frozen=True)
class Follower:
    """Who follows a resource, and what shows it: one dependency, because polls are most of all requests and each dependency costs one some 20 µs."""

    services: Services
    principal: Principal
    feed: Feed


async def get_follower(request: Request) -> Follower:
    """Return who follows."""
    return Follower(await get_services(request), await get_principal(request), cast(Feed, request.app.state.feed))


async def get_request_id(request: Request) -> str:
    """Return the id of this request, as the client or the middleware named it."""
    return cast(str, request.state.request_id)


Followed = Annotated[Follower, Depends(get_follower)]
Deps = Annotated[Services, Depends(get_services)]
Caller = Annotated[Principal, Depends(get_principal)]
RequestId = Annotated[str, Depends(get_request_id)]
