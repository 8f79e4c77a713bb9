"""A service: what the supervisor has to know about one process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

Health = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Service:
    """A command, what its environment has beside the supervisor's, and how to see that it answers.

    Lines that are in `noise` are not kept. Without `healthy` it is a step: it has to end by itself with exit code 0 before what follows starts.
    """

    name: str
    command: tuple[str, ...]
    healthy: Health | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    noise: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Patience:
    """The supervisor's times, in seconds."""

    start_timeout_s: float = 120
    stop_timeout_s: float = 20
    first_pause_s: float = 0.5
    longest_pause_s: float = 30
    settled_s: float = 60
    look_every_s: float = 0.2
