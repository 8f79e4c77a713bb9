"""Trying a dialect on the head of a file: how regular the records come out, and how much like data their cells look."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

from services.worker.csv.dialect import Dialect
from services.worker.csv.fields import Cells
from services.worker.csv.grammar import Grammar, Record

SAMPLE_RECORDS = 300
_MAX_RECORDS_PASSED = 4 * SAMPLE_RECORDS
_SCORED_CELLS = 4000
_LONGEST_VALUE = 60
_SHORT_TEXT = 30

# Matched against stripped cells; every part begins with something of its own, so that no cell makes it try in vain for long.
_VALUE = re.compile(
    rb"""
      [-+]?[.,]?\d[\d.,' \xa0]*(?:[eE][-+]?\d+)?\s?%?              # numbers of any country
      | (?:[$]|\xc2\xa3|\xe2\x82\xac)\s?[-+]?\d[\d.,]*             # money
      | \d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ]\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?\s?(?:Z|[-+]\d\d:?\d\d|[AaPp][Mm])?)?
      | \d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?\s?(?:[AaPp][Mm])?
      | (?i:true|false|yes|no|na|n/a|nan|null|none|inf)
      | [^\s@,;|]+@[^\s@,;|]+                                        # mail address
      | [a-z]+://[^\s;|\t]+
    """,
    re.VERBOSE,
)
_WORD = re.compile(rb"[\w\x80-\xff][\w\x80-\xff .'()/&+#*!?-]*")


@dataclass(frozen=True)
class Trial:
    """What one dialect makes of the sample: its records (broken ones with their first line's cells as they stand), and how good that is."""

    dialect: Dialect
    records: list[Record]
    width: int
    consistency: float
    broken: int
    score: float


def try_dialect(dialect: Dialect, sample: bytes, *, whole: bool) -> Trial:
    """Read up to `SAMPLE_RECORDS` whole records of the sample."""
    records = sample_records(dialect, sample, whole=whole)
    widths = Counter(len(record.cells) for record in records if not record.code)
    broken = sum(bool(record.code) for record in records)
    if not widths:
        return Trial(dialect, records, 1, 0.0, broken, 0.0)
    width, count = max(widths.items(), key=lambda item: (item[1] * (1.0 if item[0] > 1 else 0.5), item[0]))
    consistency = count / len(records)
    likeness = _likeness([record.cells for record in records if len(record.cells) == width and not record.code], width)
    score = consistency * likeness * (1 - 1 / (width + 0.5)) if width > 1 else 0.0
    return Trial(dialect, records, width, consistency, broken, score)


def sample_records(dialect: Dialect, sample: bytes, *, whole: bool) -> list[Record]:
    """Return the first records that are neither blank nor cut off."""
    grammar = Grammar(dialect, width=None, max_record_bytes=len(sample))
    records: list[Record] = []
    position = 0
    for _ in range(_MAX_RECORDS_PASSED):
        if position >= len(sample) or len(records) == SAMPLE_RECORDS:
            break
        found = grammar.record(sample, position, last=whole)
        if not isinstance(found, Record):
            break
        if found.code:
            line = sample[position : grammar.lines.after(sample, position, len(sample), last=True)].rstrip(b"\r\n")
            found = replace(found, cells=grammar.fields.lenient_cells(line))
        if found.end > position:
            records.append(found)
        position = found.next_start
    return records


def is_value(cell: bytes | None) -> bool:
    """Whether a cell looks like a number, a date, a time or a flag rather than a name."""
    return cell is not None and len(cell) <= _LONGEST_VALUE and _VALUE.fullmatch(cell.strip()) is not None


def _likeness(rows: list[Cells], width: int) -> float:
    """Return how much the cells look like values or plain words, from 0.1 to 1."""
    rows = rows[: max(1, _SCORED_CELLS // width)]
    good = 0.0
    for cells in rows:
        for cell in cells:
            if cell is None:
                good += 1
            elif len(cell) > _LONGEST_VALUE:
                good += 0.5
            elif not (stripped := cell.strip()) or _VALUE.fullmatch(stripped):
                good += 1
            elif _WORD.fullmatch(cell):
                good += 0.9
            else:
                good += 0.5 if len(cell) > _SHORT_TEXT else 0.2
    return max(0.1, good / (len(rows) * width))
