"""Merged statistics as bytes: one JSON document, and the arrays behind it in one run of bytes; never pickle."""

import base64
import json
import struct
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from services.worker.profile.column import Column, Limits
from services.worker.profile.distinct import Distinct
from services.worker.profile.numbers import Numbers, Range
from services.worker.profile.temporal import Span

MAGIC: Final = b"HWP1"
HEADER: Final = struct.Struct("<4sQ")
PLAIN: Final = (
    "rows",
    "nulls",
    "empty",
    "lower_case",
    "trues",
    "tokens",
    "min_length",
    "max_length",
    "values",
    "value_bytes",
    "passed",
)


class Chunks:
    """Byte strings kept outside the document, named by their number."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def add(self, part: bytes) -> int:
        self.parts.append(part)
        return len(self.parts) - 1


def pack(document: dict[str, Any], chunks: Chunks) -> bytes:
    head = json.dumps({"document": document, "sizes": [len(part) for part in chunks.parts]}, separators=(",", ":")).encode()
    return b"".join([HEADER.pack(MAGIC, len(head)), head, *chunks.parts])


def unpack(blob: bytes) -> tuple[dict[str, Any], list[memoryview]]:
    magic, size = HEADER.unpack_from(blob)
    if magic != MAGIC:
        raise ValueError(f"Not a profile's checkpoint: it begins with {blob[:4]!r}.")
    view = memoryview(blob)
    at = HEADER.size + size
    head = json.loads(bytes(view[HEADER.size : at]))
    parts = []
    for length in head["sizes"]:
        parts.append(view[at : at + length])
        at += length
    return head["document"], parts


def pack_column(column: Column, chunks: Chunks) -> dict[str, Any]:
    numbers = asdict(column.numbers)
    numbers["digits"] = [[*key, *counts] for key, counts in column.numbers.digits.items()]
    numbers["scales"] = [[scale, asdict(part)] for scale, part in column.numbers.scales.items()]
    return {
        **{name: getattr(column, name) for name in PLAIN},
        "lengths": list(column.lengths.items()),
        "failures": column.failures,
        "spans": {name: asdict(span) for name, span in column.spans.items()},
        "numbers": numbers,
        "least": _base64(column.least),
        "greatest": _base64(column.greatest),
        "hashes": chunks.add(column.distinct.compact().tobytes()),
    }


def unpack_column(document: dict[str, Any], parts: list[memoryview], limits: Limits) -> Column:
    column = Column(limits)
    for name in PLAIN:
        setattr(column, name, document[name])
    column.lengths = {int(length): count for length, count in document["lengths"]}
    column.failures = {name: [(row, line, text) for row, line, text in found] for name, found in document["failures"].items()}
    column.spans = {name: Span(**span) for name, span in document["spans"].items()}
    numbers = dict(document["numbers"])
    numbers["digits"] = {(before, after): counts for before, after, *counts in numbers["digits"]}
    numbers["scales"] = {scale: Range(**part) for scale, part in numbers["scales"]}
    numbers["doubles"] = Range(**numbers["doubles"])
    column.numbers = Numbers(**numbers)
    column.least, column.greatest = _bytes(document["least"]), _bytes(document["greatest"])
    column.distinct = Distinct(limits.distinct, np.frombuffer(parts[document["hashes"]], np.uint64).copy(), remembered=limits.remembered)
    return column


def _base64(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode("ascii")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
