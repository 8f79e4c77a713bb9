"""Requests to one server: its address, the token, patience with what passes, and problems as exceptions."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from headwater.client.errors import CannotConnect, HeadwaterError, Refused
from headwater.client.version import VERSION

DEFAULT_PATIENCE_S = 60.0
_CONNECT_S = 5.0
_ANSWER_S = 60.0
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 8.0
_PAGE_ITEMS = 500
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PASSING_STATUS = frozenset({408, 423, 429, 502, 503, 504})
_PASSING_CODES = frozenset({"idempotency_in_progress"})
T = TypeVar("T")


class Patience:
    """How long to go on trying while nothing moves; every step forward renews it, and `stop` ends every pause."""

    def __init__(self, patience_s: float, *, stop: threading.Event | None = None) -> None:
        self._patience_s = patience_s
        self._stop = stop or threading.Event()
        self.renew()

    def renew(self) -> None:
        """Begin anew: something moved."""
        self._until = time.monotonic() + self._patience_s
        self._pause_s = _FIRST_PAUSE_S

    def wait_after(self, error: HeadwaterError) -> None:
        """Wait a little longer than the last time, or raise the error if the patience is over."""
        asked_s = error.retry_after_s if isinstance(error, Refused) else 0.0
        pause_s = max(self._pause_s * random.uniform(0.7, 1.3), min(asked_s, _LONGEST_PAUSE_S))  # noqa: S311 - spreads retries
        if time.monotonic() + pause_s > self._until:
            raise error
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        self._stop.wait(pause_s)


class Transport:
    """Sends requests to one server; safe to share between threads.

    A server that has answered once may be away for a while: requests that can be repeated are. One that never answered is not waited for.
    """

    def __init__(self, url: str, *, token: str | None = None, patience_s: float = DEFAULT_PATIENCE_S) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not the address of a server; one looks like http://127.0.0.1:8000")
        if parts.username or parts.password:
            raise ValueError("The address holds a user or a password; a secret belongs in the token.")
        self.url = url.rstrip("/")
        self.patience_s = patience_s
        self._met = False
        self._http = httpx.Client(
            base_url=self.url,
            headers={"User-Agent": f"headwater/{VERSION}", **({} if token is None else {"Authorization": f"Bearer {token}"})},
            timeout=httpx.Timeout(_ANSWER_S, connect=_CONNECT_S),
            trust_env=parts.hostname not in _LOOPBACK,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, *, params: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON of a GET."""
        return self.patiently(lambda: self.json("GET", path, params=params))

    def post(self, path: str, *, body: Any = None, key: str) -> Any:
        """Return the JSON of a POST that is done once under its key, however often it has to be sent."""
        return self.patiently(lambda: self.json("POST", path, json=body, headers={"Idempotency-Key": key}))

    def json(self, method: str, path: str, **options: Any) -> Any:
        """Send one request once and return the JSON of its answer."""
        answer = self.request(method, path, **options)
        try:
            return answer.json()
        except ValueError as error:
            raise self._stranger(answer) from error

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request once and return its answer, read whole; raise Refused for a problem."""
        with self.stream(method, path, **options) as answer:
            answer.read()
            return answer

    @contextmanager
    def stream(self, method: str, path: str, *, follow_redirects: bool = False, **options: Any) -> Iterator[httpx.Response]:
        """Send one request once and give its answer as it arrives; raise Refused for a problem, CannotConnect where the connection ends."""
        request = self._http.build_request(method, path, **{key: value for key, value in options.items() if value is not None})
        try:
            answer = self._http.send(request, stream=True, follow_redirects=follow_redirects)
            try:
                if answer.status_code >= 400:
                    answer.read()
                    raise self._refusal(answer)
                self._met = True
                yield answer
            finally:
                answer.close()
        except httpx.RequestError as error:
            raise CannotConnect(f"Headwater does not answer at {self.url}: {str(error) or type(error).__name__}.") from error

    def patiently(self, send: Callable[[], T]) -> T:
        """Return what `send` returns, calling it again while it fails in a way that passes."""
        patience = Patience(self.patience_s)
        while True:
            try:
                return send()
            except (CannotConnect, Refused) as error:
                if not self.passes(error):
                    raise
                patience.wait_after(error)

    def passes(self, error: HeadwaterError) -> bool:
        """Whether the same request may succeed in a moment."""
        if isinstance(error, Refused):
            return error.status in _PASSING_STATUS or error.code in _PASSING_CODES
        return isinstance(error, CannotConnect) and self._met

    def items(self, path: str, *, limit: int | None = None, **filters: Any) -> Iterator[Any]:
        """Give the items of a list, at most `limit` of them, a page at a time."""
        left = sys.maxsize if limit is None else limit
        params = {key: value for key, value in filters.items() if value not in (None, ())}
        while left > 0:
            page = self.get(path, params={**params, "limit": min(left, _PAGE_ITEMS)})
            yield from page["items"]
            left -= len(page["items"])
            if page["next_cursor"] is None:
                return
            params["cursor"] = page["next_cursor"]

    def _refusal(self, answer: httpx.Response) -> HeadwaterError:
        try:
            problem = answer.json()
            after = answer.headers.get("retry-after", "")
            refused = Refused(problem, retry_after_s=float(after) if after.isdecimal() else 0.0)
        except (ValueError, TypeError, KeyError):
            return self._stranger(answer)
        self._met = True
        return refused

    def _stranger(self, answer: httpx.Response) -> CannotConnect:
        return CannotConnect(
            f"What answers at {self.url} is not Headwater: {answer.status_code} {answer.reason_phrase} to {answer.request.url.path}."
        )
