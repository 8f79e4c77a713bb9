"""Where a reading stands: small, JSON, and enough to go on from in another process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from services.worker.csv.blocks import Block, Counts


@dataclass(frozen=True)
class ReadState:
    """The next byte and line to read, the columns once the header is known, and the counts so far.

    `offset` counts decoded bytes when the file is compressed or not UTF-8. `skipping` is `""`, or what the reader was inside of when
    it stopped within a record that is too long: `field` (at the start of one), `text` or `quotes`.
    """

    offset: int = 0
    line: int = 1
    source_names: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    skipping: str = ""
    counts: Counts = field(default_factory=Counts)

    @property
    def columns(self) -> int | None:
        """How many columns the file has; None before the header was read."""
        return None if self.names is None else len(self.names)

    def after(self, block: Block, *, line: int, skipping: str, source_names: tuple[str, ...] | None, names: tuple[str, ...] | None) -> ReadState:
        """Return the state behind a block."""
        return replace(
            self,
            offset=block.end_offset,
            line=line,
            skipping=skipping,
            source_names=source_names,
            names=names,
            counts=self.counts + block.counts,
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> ReadState:
        names, source_names = document["names"], document["source_names"]
        return ReadState(
            offset=document["offset"],
            line=document["line"],
            source_names=None if source_names is None else tuple(source_names),
            names=None if names is None else tuple(names),
            skipping=document["skipping"],
            counts=Counts(**document["counts"]),
        )
