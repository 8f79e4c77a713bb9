"""The source of a publish: the raw upload's bytes, and what its profile knows of them."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, fields
from typing import Any, BinaryIO

import pyarrow as pa
from sqlalchemy import Connection, select

from services.shared.errors import ProfileNotFound
from services.shared.records import uploads
from services.shared.records.tables import profiles
from services.shared.records.uploads import Upload
from services.shared.storage.port import RawParts, Storage
from services.worker.csv.blocks import Counts
from services.worker.csv.dialect import Dialect
from services.worker.profile.cells import Cells
from services.worker.profile.model import read_columns, read_head
from services.worker.profile.summary import NULL_TOKENS
from services.worker.profile.temporal import read_moments
from services.worker.publish.casts import OFFSET


@dataclass(frozen=True)
class KnownColumn:
    """What the profile says of one column; `fails` is how many cells of the whole file each candidate type would lose."""

    name: str
    type: str
    format: str | None
    distinct: int
    normalised: int
    fails: dict[str, int]


@dataclass(frozen=True)
class Known:
    """What the profile says of the file; `null_values` are the tokens that the user chose, None for the usual ones."""

    dialect: Dialect
    sha256: str
    counts: Counts
    null_values: tuple[str, ...] | None
    columns: tuple[KnownColumn, ...]

    @property
    def records(self) -> int:
        """How many data records the file has, readable or not."""
        return self.counts.records + self.counts.rejected_records

    def null_tokens(self, type_: str) -> tuple[str, ...]:
        """Return which texts are NULL in a column of this type: the usual tokens never are in text, chosen ones are everywhere."""
        if self.null_values is not None:
            return self.null_values
        return () if type_ == "string" else NULL_TOKENS


@dataclass(frozen=True)
class Source:
    """A readable upload and its profile."""

    upload: Upload
    stream: BinaryIO
    size: int
    known: Known

    @property
    def plain(self) -> bool:
        """Whether positions in the file are positions in the stream, so that reading may go on from any of them at once."""
        dialect = self.known.dialect
        return dialect.compression == "none" and codecs.lookup(dialect.encoding).name in ("utf-8", "ascii")


def load_known(tx: Connection, storage: Storage, profile_id: str) -> Known:
    """Read the profile that the contract was made from."""
    row = tx.execute(select(profiles.c.key).where(profiles.c.id == profile_id)).first()
    if row is None:
        raise ProfileNotFound(f"There is no profile {profile_id}.")
    with storage.open_read(row.key) as stream:
        return read_known(stream)


def read_known(stream: BinaryIO) -> Known:
    """Read a stored profile."""
    head, _ = read_head(stream)
    stream.seek(0)
    columns = read_columns(stream, 0, head["total_columns"])
    return Known(
        dialect=Dialect.from_json(head["reading"]),
        sha256=head["sha256"],
        counts=Counts(**{field.name: head[field.name] for field in fields(Counts)}),
        null_values=None if head["null_values"] is None else tuple(head["null_values"]),
        columns=tuple(
            KnownColumn(
                name=column["name"],
                type=column["type"],
                format=head["formats"].get(str(column["position"])) or _offset(column["casts"].get("timestamp")),
                distinct=column["distinct"],
                normalised=column["normalised"],
                fails={type_: cast["fails"] for type_, cast in column["casts"].items()},
            )
            for column in columns
        ),
    )


def _offset(timestamps: dict[str, Any] | None) -> str | None:
    """Tell a column of timestamps that mostly have an offset: then those without one are what fails."""
    failures = timestamps["first_failures"] if timestamps else ()
    if not failures:
        return None
    moments = read_moments(Cells.of(pa.array([failure["value"] for failure in failures], pa.string())), orders=False)
    return OFFSET if moments.local.any() else None


def open_source(tx: Connection, *, storage: Storage, parts: RawParts, upload_id: str, profile_id: str) -> Source:
    """Open the raw upload; the caller closes its stream."""
    known = load_known(tx, storage, profile_id)
    upload = uploads.load_readable(tx, upload_id)
    return Source(upload, parts.open(uploads.list_parts(tx, upload_id)), upload.offset, known)
