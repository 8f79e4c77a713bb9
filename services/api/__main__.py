"""Serve the api: `python -m services.api`."""

from __future__ import annotations

import os
import signal
import sys

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from services.api.metrics.folder import make_folder
from services.shared.logs import configure_logs, get_logger
from services.shared.network import is_loopback
from services.shared.settings import Auth, Settings, load_settings

_BACKLOG = 2048
_CONNECTIONS = 8192  # of one process; granian counts those that are kept alive, too, and lets more of them wait for ever
_STOP_S = 10


def main() -> int:
    """Bind, start the processes that serve, and stay until a signal ends them."""
    settings = load_settings()
    configure_logs(settings, service="api")
    if not may_bind(settings):
        get_logger().error(
            "api.refused", host=settings.api_host, reason="not loopback, and nobody signs in: HEADWATER_AUTH=oidc, or HEADWATER_ALLOW_NETWORK=1"
        )
        return 2
    make_folder(settings)
    os.register_at_fork(after_in_child=_obey_signals)
    get_logger().info("api.starting", host=settings.api_host, port=settings.api_port, workers=settings.api_workers)
    Granian(
        "services.api.main:make",
        factory=True,
        address=settings.api_host,
        port=settings.api_port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=settings.api_workers,
        backlog=_BACKLOG,
        backpressure=_CONNECTIONS,
        log_level=LogLevels.warning,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_S,
    ).serve()
    return 0


def may_bind(settings: Settings) -> bool:
    """Return whether the address is loopback, or others were allowed on purpose, or who comes has to sign in."""
    return settings.allow_network or settings.auth is not Auth.LOCAL or is_loopback(settings.api_host)


def _obey_signals() -> None:
    """Let a process that does not serve yet end at once: it inherits handlers that only note the signal."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main())
