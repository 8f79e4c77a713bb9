"""The environment: variables that no setting knows, values that a setting refuses, and values that contradict each other."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from headwater.doctor.finding import Finding, note, ok, wrong
from headwater.errors import describe_problem
from services.shared.settings import Settings

_PREFIX = "HEADWATER_"
_OF_OTHERS = frozenset({"HEADWATER_CORPORA", "HEADWATER_TOKEN", "HEADWATER_URL"})
_LEASES = 2


def check_names(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Find `HEADWATER_*` variables that nobody reads."""
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields}
    given = {name for name in environment if name.upper().startswith(_PREFIX)}
    for name in sorted(given):
        if name.upper() in known | _OF_OTHERS:
            continue
        near = difflib.get_close_matches(name.upper(), sorted(known), n=1)
        meant = f"Did you mean {near[0]}? " if near else ""
        yield wrong("variables", f"No setting is called {name}, so it changes nothing.", f"{meant}docs/settings.md has them all.")
    if given <= known | _OF_OTHERS:
        yield ok("variables", f"Each HEADWATER_ variable that is set is known; there are {len(given)}.")


def explain(error: ValidationError) -> Iterator[Finding]:
    """Say which values the settings refuse; a secret's value is not repeated."""
    for problem in error.errors():
        yield wrong("settings", f"{describe_problem(problem)}.", "Give it another value, or none: docs/settings.md has its default.")


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Find settings that are each allowed and make no sense together."""
    found = list(_contradictions(settings))
    yield from found
    if not found:
        yield ok("settings", "The settings fit each other.")


def _contradictions(settings: Settings) -> Iterator[Finding]:
    if settings.lease_s < _LEASES * settings.renew_s:
        yield wrong(
            "settings",
            f"HEADWATER_LEASE_S={settings.lease_s:g} is less than twice HEADWATER_RENEW_S={settings.renew_s:g}: jobs that work are taken for dead.",
            "Raise HEADWATER_LEASE_S or lower HEADWATER_RENEW_S.",
        )
    if settings.soft_stop_s >= settings.stop_timeout_s:
        yield wrong(
            "settings",
            f"HEADWATER_SOFT_STOP_S={settings.soft_stop_s:g} is not below HEADWATER_STOP_TIMEOUT_S={settings.stop_timeout_s:g}: "
            "workers are killed before they hand their jobs back.",
            "Raise HEADWATER_STOP_TIMEOUT_S.",
        )
    if settings.version_grace_s < settings.query_timeout_s:
        yield wrong(
            "settings",
            f"HEADWATER_VERSION_GRACE_S={settings.version_grace_s:g} is below HEADWATER_QUERY_TIMEOUT_S={settings.query_timeout_s:g}: "
            "a query may lose its table's files while it runs.",
            "Raise HEADWATER_VERSION_GRACE_S.",
        )
    if settings.min_free_bytes == 0:
        yield note("settings", "HEADWATER_MIN_FREE_BYTES is 0: uploads may fill the disk.", "Leave some room for the records and for spilling.")
