"""How a table's files are stored, as the catalog says it: the format, and for text the SerDe with its properties.

The words are Glue's; what each SerDe makes of a file's bytes is told, with sources, in `docs/csv-tables.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

LONGEST_LINE_BYTES = 4 << 20
NULL_SEQUENCE = "\\N"
HEADER_LINES = "skip.header.line.count"


class SerdeName(StrEnum):
    """The SerDes for CSV, in the words of Glue's classifiers."""

    LAZY_SIMPLE = "LazySimpleSerDe"
    OPEN_CSV = "OpenCSVSerDe"


LIBRARIES = {
    SerdeName.LAZY_SIMPLE: "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
    SerdeName.OPEN_CSV: "org.apache.hadoop.hive.serde2.OpenCSVSerde",
}


@dataclass(frozen=True)
class Serde:
    """A SerDe and its properties, as the storage descriptor of a table has them."""

    library: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredAs:
    """What a publish says of the files it wrote; `parameters` are the table's own."""

    format: str
    serde: Serde | None
    parameters: Mapping[str, str]


def stored_as(format_: str, serde: SerdeName | None) -> StoredAs:
    """Return what the catalog has to say of the files that a publish writes in this format."""
    match serde:
        case None:
            return StoredAs(format_, None, {"classification": format_})
        case SerdeName.LAZY_SIMPLE:
            properties = {"field.delim": ",", "serialization.format": ",", "escape.delim": "\\", "serialization.null.format": NULL_SEQUENCE}
        case SerdeName.OPEN_CSV:
            properties = {"separatorChar": ",", "quoteChar": '"', "escapeChar": "\\"}
    return StoredAs(format_, Serde(LIBRARIES[serde], properties), {"classification": format_, HEADER_LINES: "1"})
