"""Wiring of the api: the FastAPI application of one process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.api.deps import make_services
from services.api.document import describe
from services.api.events import Feed
from services.api.metrics.exposition import Exposition
from services.api.metrics.folder import reserve_room
from services.api.middleware import BodyLimit, RequestRim
from services.api.problems import add_handlers
from services.api.routes import catalog, datasets, docs, health, jobs, meta, profiles, queries, results, saved_queries
from services.api.signin import SignIn
from services.api.stop import Stop
from services.api.uploads import routes as uploads
from services.shared.logs import configure_logs, get_logger
from services.shared.settings import Auth, Settings, load_settings
from services.shared.traces import finish_traces, start_traces

ROOMS = (jobs, queries, saved_queries, uploads, profiles, datasets, catalog, results, health, meta, docs)


def make() -> FastAPI:
    """Return the application that the environment describes; the server calls it in each of its processes."""
    settings = load_settings()
    configure_logs(settings, service="api")
    reserve_room()
    start_traces(settings, service="api")
    return create_app(settings)


def create_app(settings: Settings) -> FastAPI:
    """Return the application."""
    services = make_services(settings)
    stop = Stop()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stop.listen()
        get_logger().info("api.serving")
        yield
        services.close()
        finish_traces()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False, generate_unique_id_function=lambda route: route.name)
    app.state.services = services
    app.state.stop = stop
    app.state.exposition = Exposition(services)
    app.state.feed = Feed(stop, services.database.stamp)
    for room in ROOMS:
        app.include_router(room.router)
    add_handlers(app, [route for room in ROOMS for route in room.router.routes])
    app.add_middleware(BodyLimit, max_bytes=settings.max_request_bytes)
    if settings.auth is Auth.OIDC:
        app.add_middleware(SignIn, settings=settings)
    app.add_middleware(RequestRim, settings=settings)
    describe(app)
    return app
