"""`make up`: runs the whole of Headwater in the foreground until Ctrl-C, and leaves no process behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from pydantic import ValidationError

from headwater.broker import prepare_broker
from headwater.errors import CannotStart, describe_problem
from headwater.flower import require_safe_flower, url_host
from headwater.instance import announce, only_instance, run_folder
from headwater.journal import Console, Journal
from headwater.ports import remembered_port, require_free
from headwater.service import Patience
from headwater.services import Place, stages
from headwater.supervisor import Supervisor
from services.shared.settings import Platform, Settings, load_settings


def main() -> int:
    """Run until stopped; return 0, 1 if a service doesn't start, 2 if the settings have to change first."""
    try:
        settings = load_settings()
        with only_instance(settings.home.resolve()):
            asyncio.run(_run(_place(settings)))
    except ValidationError as error:
        for problem in error.errors():
            print(f"headwater: {describe_problem(problem)}", file=sys.stderr)
        return 2
    except CannotStart as error:
        print(f"headwater: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _place(settings: Settings) -> Place:
    if settings.platform is not Platform.LOCAL:
        raise CannotStart(f"HEADWATER_PLATFORM={settings.platform} is not built yet; leave it at {Platform.LOCAL}")
    require_safe_flower(settings)
    home = settings.home.resolve()
    ports = {"HEADWATER_API_PORT": settings.api_port, "HEADWATER_FLOWER_PORT": settings.flower_port}
    if settings.redis_url is not None:
        require_free(ports, host=settings.api_host)
        return Place(settings, home, settings.redis_url, broker=None)
    if settings.redis_port is not None:
        ports["HEADWATER_REDIS_PORT"] = settings.redis_port
    require_free(ports, host=settings.api_host)
    broker = prepare_broker(home, port=settings.redis_port or remembered_port(run_folder(home) / "broker.port"))
    return Place(settings, home, broker.url, broker)


async def _run(place: Place) -> None:
    settings = place.settings
    plan = stages(place)
    names = [service.name for stage in plan for service in stage]
    console = Console(sys.stdout, names=names, colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    journal = Journal(place.home / "logs", console=console)
    patience = Patience(start_timeout_s=settings.start_timeout_s, stop_timeout_s=settings.stop_timeout_s, longest_pause_s=settings.restart_pause_s)
    supervisor = Supervisor(plan, run_folder=run_folder(place.home), journal=journal, patience=patience)
    _stop_on_signals(supervisor)

    def ready() -> None:
        announce(place.home, _facts(place))
        console.text(_welcome(place))

    try:
        await supervisor.run(ready)
        journal.say("stopped; everything is kept in the home")
    finally:
        journal.close()


def _stop_on_signals(supervisor: Supervisor) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, supervisor.stop)
    loop.add_signal_handler(signal.SIGTERM, supervisor.stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGHUP, supervisor.stop)


def _facts(place: Place) -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "api_url": _api_url(place),
        "flower_url": _flower_url(place),
        "redis_port": None if place.broker is None else place.broker.port,
    }


def _welcome(place: Place) -> str:
    api = _api_url(place)
    where = "" if place.settings.api_port == Settings.model_fields["api_port"].default else f" --url {api}"
    return f"""
Headwater is up. Ctrl-C stops it; everything is kept in {place.home}.

    API     {api}     (its documentation: {api}/docs)
    Flower  {_flower_url(place)}

Try it, in another terminal:
    bin/headwater load some.csv some{where}
    bin/headwater query "SELECT * FROM some LIMIT 10"{where}
    curl -X POST -T some.csv "{api}/v1/uploads?filename=some.csv"
"""  # noqa: S608 - a hint for people


def _api_url(place: Place) -> str:
    return f"http://127.0.0.1:{place.settings.api_port}"


def _flower_url(place: Place) -> str:
    return f"http://{url_host(place.settings)}:{place.settings.flower_port}"


if __name__ == "__main__":
    sys.exit(main())
