"""Downloads: the whole result of a query as a file, which is there complete or not at all.

What has arrived is kept beside the target, under a name that holds the ETag of the file it is part of; the next try, or the next
process, asks for the rest of that very file.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from headwater.client.errors import CannotConnect, HeadwaterError, Refused
from headwater.client.jobs import Jobs, OnJob
from headwater.client.sending import Report
from headwater.client.transport import Patience, Transport

FORMATS = ("csv", "parquet", "jsonl", "xlsx")
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_HEXADECIMAL = re.compile(r"[0-9A-Za-z_-]+")
_WRITE_BYTES = 1 << 20


@dataclass(frozen=True)
class Wanted:
    """Which form of which query's result."""

    query_id: str
    format: str = "csv"
    safe: str | None = None

    @property
    def path(self) -> str:
        """Its address."""
        return f"/v1/queries/{self.query_id}/download"

    @property
    def params(self) -> dict[str, str]:
        """What the address is asked with."""
        return {"format": self.format, **({} if self.safe is None else {"safe": self.safe})}


class Downloads:
    """Brings results over."""

    def __init__(self, transport: Transport, jobs: Jobs) -> None:
        self._transport = transport
        self._jobs = jobs

    def to_file(self, wanted: Wanted, target: Path, *, report: Report | None = None, on_job: OnJob | None = None) -> int:
        """Write the file, going on with what an earlier try left; return its size."""
        part = _Part(target.absolute(), wanted)
        self._fetch(wanted, part, report, on_job)
        part.finish()
        return part.size

    def to_stream(self, wanted: Wanted, target: BinaryIO, *, report: Report | None = None, on_job: OnJob | None = None) -> int:
        """Write the file into a stream; return its size."""
        sink = _Stream(target)
        self._fetch(wanted, sink, report, on_job)
        return sink.size

    def _fetch(self, wanted: Wanted, sink: _Part | _Stream, report: Report | None, on_job: OnJob | None) -> None:
        """Bring over what is missing, waiting until the form is made where it has to be."""
        patience = Patience(self._transport.patience_s)
        while True:
            before = sink.size
            try:
                job_id = self._fetch_rest(wanted, sink, report)
                if job_id is None:
                    return
                self._jobs.wait(job_id, on_change=on_job)
                patience.renew()
            except (CannotConnect, Refused) as error:
                if not self._transport.passes(error):
                    raise
                if sink.size > before:
                    patience.renew()
                patience.wait_after(error)

    def _fetch_rest(self, wanted: Wanted, sink: _Part | _Stream, report: Report | None) -> str | None:
        """Bring over what is missing; return the job to wait for if the form is not made yet."""
        headers = {"Accept-Encoding": "identity"}
        if sink.etag is not None and sink.size:
            headers |= {"Range": f"bytes={sink.size}-", "If-Range": f'"{sink.etag}"'}
        try:
            with self._transport.stream("GET", wanted.path, params=wanted.params, headers=headers, follow_redirects=True) as answer:
                if answer.status_code == 202:
                    answer.read()
                    return str(answer.json()["id"])
                total = sink.begin(answer)
                for chunk in answer.iter_raw(_WRITE_BYTES):
                    sink.write(chunk)
                    if report is not None:
                        report(sink.size, total)
        except Refused as error:
            if error.code != "range_not_satisfiable":
                raise
            return None
        if total is not None and sink.size != total:
            raise CannotConnect(f"The connection ended after {sink.size} of {total} bytes.")
        return None


class _Stream:
    """A stream that is written once, in order."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self.etag: str | None = None
        self.size = 0

    def begin(self, answer: httpx.Response) -> int | None:
        """Take note of which bytes come; return the size of the whole file."""
        first, total = _bounds(answer)
        if first != self.size:
            raise HeadwaterError("The result is no longer the file that was begun; nothing can be taken back from a stream.")
        self.etag = _etag(answer)
        return total

    def write(self, chunk: bytes) -> None:
        """Take some bytes."""
        self._target.write(chunk)
        self.size += len(chunk)


class _Part:
    """A file on its way, beside its target."""

    def __init__(self, target: Path, wanted: Wanted) -> None:
        self._target = target
        self._prefix = f".{target.name}.{wanted.query_id}.{wanted.format}{'' if wanted.safe is None else '-' + wanted.safe}."
        kept = sorted(target.parent.glob(f"{_literally(self._prefix)}*.part"))
        self._path: Path | None = kept[0] if kept else None
        self.etag = None if self._path is None else self._path.name.removeprefix(self._prefix).removesuffix(".part")
        self.size = 0 if self._path is None else self._path.stat().st_size

    def begin(self, answer: httpx.Response) -> int | None:
        """Go on where the answer begins; return the size of the whole file."""
        first, total = _bounds(answer)
        etag = _etag(answer)
        if etag != self.etag or first != self.size or self._path is None:
            if first:
                raise CannotConnect("The answer is not the part that was asked for.")
            self._forget()
            self._path = self._target.with_name(f"{self._prefix}{etag}.part")
            self._path.write_bytes(b"")
            self.etag, self.size = etag, 0
        return total

    def write(self, chunk: bytes) -> None:
        """Take some bytes."""
        with self._place().open("ab") as file:
            file.write(chunk)
        self.size += len(chunk)

    def finish(self) -> None:
        """Give the whole file its name, once it is safe on the disk."""
        with self._place().open("rb+") as file:
            os.fsync(file.fileno())
        self._place().replace(self._target)

    def _place(self) -> Path:
        assert self._path is not None  # noqa: S101 - `begin` comes first
        return self._path

    def _forget(self) -> None:
        if self._path is not None:
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()


def _bounds(answer: httpx.Response) -> tuple[int, int | None]:
    """Return where the answer's bytes begin in the file, and how many the file has."""
    match = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if answer.status_code == 206 and match is not None:
        return int(match[1]), int(match[2])
    length = answer.headers.get("content-length")
    return 0, None if length is None else int(length)


def _etag(answer: httpx.Response) -> str:
    """Return the file's ETag as part of a name; a strange one never fits, so nothing is joined by it."""
    tag = str(answer.headers.get("etag", "")).strip('"')
    return tag if _HEXADECIMAL.fullmatch(tag) else "none"


def _literally(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)
