"""Flower's door: on loopback without a password, elsewhere never without one, and the password in its environment alone."""

from __future__ import annotations

from collections.abc import Mapping

from headwater.errors import CannotStart
from headwater.ports import LOOPBACK
from services.shared.network import is_loopback
from services.shared.settings import Settings

_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - to know them, not to bind them


def require_safe_flower(settings: Settings) -> None:
    """Raise CannotStart if Flower would be open to the network, or its password can't be given to it."""
    _require_usable(settings.flower_basic_auth)
    if is_loopback(settings.flower_host):
        return
    said = f"HEADWATER_FLOWER_HOST={settings.flower_host} is not loopback"
    if not settings.allow_network:
        raise CannotStart(f"{said}; leave it at {LOOPBACK}, or set HEADWATER_ALLOW_NETWORK=1 if that is what you want")
    if settings.flower_basic_auth is None:
        raise CannotStart(f"{said}, and whoever reaches it would see every task; set HEADWATER_FLOWER_BASIC_AUTH to user:password")


def secrets_for(settings: Settings) -> Mapping[str, str]:
    """Return what Flower's environment has beside the others': never an argument, which every user of the machine can read."""
    return {} if settings.flower_basic_auth is None else {"FLOWER_BASIC_AUTH": settings.flower_basic_auth}


def reach(settings: Settings) -> str:
    """Return the address at which this machine reaches Flower."""
    return LOOPBACK if settings.flower_host in _EVERYWHERE else settings.flower_host


def url_host(settings: Settings) -> str:
    """Return that address as it stands in a URL."""
    host = reach(settings)
    return f"[{host}]" if ":" in host else host


def _require_usable(auth: str | None) -> None:
    if auth is None:
        return
    user, _, password = auth.partition(":")
    if not user or not password or "," in auth:
        raise CannotStart("HEADWATER_FLOWER_BASIC_AUTH has to be user:password, neither of them empty, without a comma (what was given is not shown)")
