"""The client: one server, its nouns, and the verbs of the story."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

from headwater.client.catalog import Catalog
from headwater.client.datasets import Datasets
from headwater.client.downloads import Downloads
from headwater.client.errors import HeadwaterError
from headwater.client.jobs import Jobs, OnJob
from headwater.client.memory import Memory
from headwater.client.models import Meta, Profile, Receipt, Upload
from headwater.client.profiles import Profiles
from headwater.client.queries import Limits, OnQuery, Parameter, Queries
from headwater.client.results import Result
from headwater.client.saved import SavedQueries
from headwater.client.sending import Report
from headwater.client.transport import DEFAULT_PATIENCE_S, Transport
from headwater.client.uploads import Sending, Uploads


class Client:
    """Talks to one Headwater; safe to share between threads, and a context manager that closes its connections.

    The address is `url`, or `HEADWATER_URL`, or the one of `make up` on this machine; the token, where one is needed, is `HEADWATER_TOKEN`.
    `patience_s` is how long it goes on trying while a server that did answer doesn't.
    """

    def __init__(self, url: str | None = None, *, token: str | None = None, patience_s: float = DEFAULT_PATIENCE_S) -> None:
        self._transport = Transport(url or default_url(), token=token or os.environ.get("HEADWATER_TOKEN") or None, patience_s=patience_s)
        self.url = self._transport.url
        self.jobs = Jobs(self._transport)
        self.uploads = Uploads(self._transport, Memory(self.url))
        self.profiles = Profiles(self._transport, self.jobs)
        self.datasets = Datasets(self._transport)
        self.queries = Queries(self._transport)
        self.saved = SavedQueries(self._transport)
        self.catalog = Catalog(self._transport)
        self.downloads = Downloads(self._transport, self.jobs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def meta(self) -> Meta:
        """Return what this installation is, what it can, and its limits."""
        return cast(Meta, self._transport.get("/v1/meta"))

    def upload(self, source: str | Path | BinaryIO, *, report: Report | None = None, **sending: Any) -> Upload:
        """Send a file, going on where an earlier process stopped, or a stream; `sending` is as in Sending. Return the complete upload."""
        if isinstance(source, str | Path):
            return self.uploads.send_file(Path(source), Sending(**sending), report=report)
        return self.uploads.send_stream(source, Sending(**sending), report=report)

    def profile(self, upload_id: str, *, on_change: OnJob | None = None) -> Profile:
        """Return the newest profile of an upload, waiting until it is there."""
        return self.profiles.wait(upload_id, on_change=on_change)

    def publish(self, upload_id: str, name: str, *, on_change: OnJob | None = None, **contract: Any) -> Receipt:
        """Publish an upload, wait, and return the receipt of the version that this made; `contract` is the rest of a DatasetRequest."""
        job = self.jobs.wait(self.datasets.publish(upload_id, name, **contract)["id"], on_change=on_change)
        result = cast(dict[str, Any], job["result"])
        return self.datasets.receipt(result["dataset"], version=result["version"])

    def load(self, source: str | Path | BinaryIO, name: str, **contract: Any) -> Receipt:
        """Upload, profile and publish a file in one go, and return the receipt."""
        upload = self.upload(source)
        self.profile(upload["id"])
        return self.publish(upload["id"], name, **contract)

    def query(
        self,
        sql: str,
        parameters: Sequence[Parameter] = (),
        *,
        database: str | None = None,
        limits: Limits | None = None,
        on_change: OnQuery | None = None,
    ) -> Result:
        """Run a statement and return its result; if the waiting is interrupted, the query is cancelled."""
        query = self.queries.start(sql, parameters=parameters, database=database, limits=limits)
        try:
            return self.result(query["id"], on_change=on_change)
        except (KeyboardInterrupt, SystemExit):
            with contextlib.suppress(HeadwaterError):
                self.queries.cancel(query["id"])
            raise

    def result(self, query_id: str, *, on_change: OnQuery | None = None) -> Result:
        """Return the result of a query that was started before, waiting for its end."""
        return Result(self.queries.wait(query_id, on_change=on_change), self.queries, self.downloads)


def default_url() -> str:
    """Return `HEADWATER_URL`, or where `make up` serves on this machine."""
    return os.environ.get("HEADWATER_URL") or f"http://127.0.0.1:{os.environ.get('HEADWATER_API_PORT') or 8000}"
