"""The issuer's keys: fetched from the one address of the settings, kept for a while, fetched anew when a token names an unknown one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.error import URLError
from urllib.request import HTTPRedirectHandler, build_opener

from services.api.tokens import Header, read_key, refused
from services.shared.errors import Unavailable

KEEP_S = 300
STALE_S = 3600
AGAIN_S = 10
_TIMEOUT_S = 5
_MAX_BYTES = 256 * 1024

Jwk = Mapping[str, Any]


@dataclass(frozen=True)
class _Fetched:
    at: float
    keys: Sequence[Jwk]


class Issuer:
    """The keys of one issuer; safe between threads. `fetch` returns the document of the address."""

    def __init__(self, fetch: Callable[[], bytes], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._fetched: _Fetched | None = None
        self._tried = float("-inf")

    def key_for(self, header: Header) -> Any:
        """Return the key that a token's header means; raise Unauthenticated if there is none, Unavailable if no keys can be had."""
        key = self._find(self._keys(KEEP_S), header) or self._find(self._keys(0), header)
        if key is None:
            raise refused("It is signed with a key that is not the issuer's.")
        return key

    def _find(self, keys: Sequence[Jwk], header: Header) -> Any:
        named = [key for key in keys if header.key_id is None or key.get("kid") == header.key_id]
        fitting = [found for key in named if (found := read_key(key, header.algorithm)) is not None]
        return fitting[0] if len(fitting) == 1 else None

    def _keys(self, max_age_s: float) -> Sequence[Jwk]:
        """Return the keys, at most this old if they can be had; whatever tokens come, the issuer is asked once in `AGAIN_S`."""
        with self._lock:
            now = self._clock()
            if (self._fetched is None or now - self._fetched.at > max_age_s) and now - self._tried >= AGAIN_S:
                self._tried = now
                self._fetched = self._load(now) or self._fetched
            if self._fetched is None or now - self._fetched.at > STALE_S:
                raise Unavailable("The keys of the sign-in's issuer can't be had just now.")
            return self._fetched.keys

    def _load(self, now: float) -> _Fetched | None:
        try:
            keys = json.loads(self._fetch())["keys"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return _Fetched(now, [key for key in keys if isinstance(key, dict)]) if isinstance(keys, list) else None


def fetch_from(url: str) -> Callable[[], bytes]:
    """Return a fetch of this address, and of no other: a redirect is an error."""
    opener = build_opener(_NoRedirect)

    def fetch() -> bytes:
        with opener.open(url, timeout=_TIMEOUT_S) as answer:
            document: bytes = answer.read(_MAX_BYTES + 1)
        if answer.status != HTTPStatus.OK or len(document) > _MAX_BYTES:
            raise URLError(f"{url} does not answer with a key set")
        return document

    return fetch


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""
        return
