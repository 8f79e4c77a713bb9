"""The embedded crawler's reading of a CSV file: its first megabyte, or its first thousand lines, under a classifier.

The classifier gives the names, says that the first line is a header, and which types to look for; the crawler says which column looks
like which of them. A sample decides, so the proposal is only that: the contract is compared with it, and wins.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from services.shared.catalog.port import Column, CsvClassifier
from services.shared.catalog.serde import NULL_SEQUENCE, SerdeName
from services.shared.errors import CrawlFailed

SAMPLE_BYTES = 1 << 20
SAMPLE_LINES = 1000
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)"
_LOOKS = {
    "boolean": re.compile("true|false", re.IGNORECASE),
    "bigint": re.compile(r"[+-]?\d{1,19}"),
    "decimal": re.compile(_NUMBER),
    "double": re.compile(rf"{_NUMBER}([eE][+-]?\d+)?|NaN|-?Infinity"),
    "date": re.compile(r"\d{4}-\d{2}-\d{2}"),
    "timestamp": re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d+)?"),
}
_CELL = re.compile(r",((?:[^,\\]|\\.?)*)", re.DOTALL)


def read_columns(path: Path, classifier: CsvClassifier) -> tuple[Column, ...]:
    """Return the columns as a sample of the file shows them; raise CrawlFailed where the header is not the classifier's."""
    lines = _sample(path)
    header = next(lines, "").split(",")
    if tuple(header) != classifier.header:
        raise CrawlFailed(f"The file {path.name} begins with {','.join(header)[:100]!r}, not with the header that was to be expected.")
    seen: list[list[str]] = [[] for _ in header]
    for cells in _cells(lines, classifier.serde):
        for column, cell in zip(seen, cells, strict=False):
            if cell not in ("", NULL_SEQUENCE):
                column.append(cell)
    return tuple(Column(name, _type_of(cells, classifier.datatypes)) for name, cells in zip(header, seen, strict=True))


def _sample(path: Path) -> Iterator[str]:
    with path.open("rb") as stream:
        text = stream.read(SAMPLE_BYTES)
        whole = text if len(text) < SAMPLE_BYTES else text[: text.rfind(b"\n") + 1]
    return islice(iter(whole.decode("utf-8", "replace").split("\n")), SAMPLE_LINES)


def _cells(lines: Iterator[str], serde: SerdeName) -> Iterator[Sequence[str]]:
    if serde is SerdeName.OPEN_CSV:
        yield from csv.reader(lines)
    else:
        yield from (_CELL.findall("," + line) for line in lines)


def _type_of(cells: Sequence[str], datatypes: Sequence[str]) -> str:
    """Return the first of the types, narrowest first, that every cell looks like; a column without any cell is text."""
    if cells:
        for kind, look in _LOOKS.items():
            wanted = next((one for one in datatypes if one.split("(")[0] == kind), None)
            if wanted is not None and all(look.fullmatch(cell) for cell in cells):
                return wanted
    return "string"
