"""The examination: every check in turn; none needs another to have gone well, and none needs anything to run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial

from pydantic import ValidationError

from headwater.doctor import home, machine, records, running, variables
from headwater.doctor.finding import Finding, wrong
from services.shared.settings import Settings

_PLACE = frozenset({"home", "api_port", "flower_port", "redis_url", "redis_port", "database_url"})


def examine(settings: Settings | None = None) -> list[Finding]:
    """Return what is well and what is not; without settings, those of the environment, with defaults where it is refused."""
    findings = []
    if settings is None:
        settings, refused = _read_settings()
        findings += refused
    living = partial(running.find_living, settings)
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("variables", lambda: variables.check_names(os.environ)),
        ("settings", lambda: variables.check_settings(settings)),
        ("python", machine.check_python),
        ("libraries", machine.check_libraries),
        ("memory", lambda: machine.check_memory(settings)),
        ("descriptors", machine.check_descriptors),
        ("clock", machine.check_clock),
        ("home", lambda: home.check_home(settings)),
        ("disk", lambda: home.check_disk(settings)),
        ("leftovers", lambda: home.check_leftovers(settings)),
        ("records", lambda: records.check_records(settings)),
        ("processes", lambda: running.check_processes(settings, living())),
        ("ports", lambda: running.check_ports(settings, living())),
        ("broker", lambda: running.check_broker(settings, living())),
        ("answers", lambda: running.check_answers(settings, living())),
    )
    for name, check in checks:
        findings += _made(name, check)
    return findings


def _made(name: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(check())
    except Exception as error:  # noqa: BLE001 - one check that stumbles must not hide what the others find
        detail = f"The check {name} stumbled over what it found, and can't say how it is: {type(error).__name__}: {error}."
        return [wrong(name, detail, f"Look at what the line names, and put it right; if nothing is wrong with {name}, report this line.")]


def _read_settings() -> tuple[Settings, list[Finding]]:
    try:
        return Settings(), []
    except ValidationError as error:
        refused = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]} or set(Settings.model_fields) - _PLACE
        defaults = {name: Settings.model_fields[name].get_default(call_default_factory=True) for name in refused & set(Settings.model_fields)}
        return Settings(**defaults), list(variables.explain(error))
