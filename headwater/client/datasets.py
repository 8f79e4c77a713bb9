"""Datasets: tables with versions, each with its receipt."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, cast

from headwater.client.models import Dataset, DatasetRequest, DatasetVersion, Job, Receipt, Reject
from headwater.client.transport import Transport

CONTRACT = frozenset(DatasetRequest.__annotations__) - {"upload_id", "name"}


class Datasets:
    """The datasets of a server."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def publish(self, upload_id: str, name: str, **contract: Any) -> Job:
        """Start the publish of an upload under a name; `contract` is the rest of a DatasetRequest."""
        request = cast(DatasetRequest, {**contract, "upload_id": upload_id, "name": name})
        return cast(Job, self._transport.post("/v1/datasets", body=request, key=uuid.uuid4().hex))

    def get(self, name: str) -> Dataset:
        """Return a dataset as its current version has it."""
        return cast(Dataset, self._transport.get(f"/v1/datasets/{name}"))

    def list(self, *, search: str | None = None, limit: int | None = None) -> Iterator[Dataset]:
        """Give the datasets, newest first."""
        return self._transport.items("/v1/datasets", limit=limit, q=search)

    def versions(self, name: str, *, limit: int | None = None) -> Iterator[DatasetVersion]:
        """Give the versions that are kept, newest first."""
        return self._transport.items(f"/v1/datasets/{name}/versions", limit=limit)

    def restore(self, name: str, version: int) -> Job:
        """Start a publish that makes a new version of an old one's files."""
        return cast(Job, self._transport.post(f"/v1/datasets/{name}/versions/{version}/restore", key=uuid.uuid4().hex))

    def drop(self, name: str) -> Job:
        """Start the drop of a dataset: its table, versions and files."""
        return cast(Job, self._transport.json("DELETE", f"/v1/datasets/{name}"))

    def receipt(self, name: str, *, version: int | None = None) -> Receipt:
        """Return the proof that nothing was lost on the way into a version."""
        return cast(Receipt, self._transport.get(f"/v1/datasets/{name}/receipt", params=None if version is None else {"version": version}))

    def rejects(self, name: str, *, version: int | None = None, limit: int | None = None) -> Iterator[Reject]:
        """Give what the publish of a version, the current one when left out, set aside."""
        number = version or self.get(name)["version"]
        return self._transport.items(f"/v1/datasets/{name}/versions/{number}/rejects", limit=limit)
