"""How many bytes a query scanned, read from DuckDB's own profile of the run.

The figure is DuckDB's count of bytes read from the tables' files while the query ran: the compressed column chunks of the
columns it used, in the row groups that no filter ruled out, and the files' footers. What DuckDB answered from the footers alone
(`count(*)`, `min` and `max` of a whole column) is 0. A query that spilled to disk also counts what it read back, so then the
figure is computed instead: for each scan, the compressed size of its columns' chunks in the footers, times the share of row
groups that were scanned. A text file is scanned whole, whatever columns are named; DuckDB reads some of its bytes twice, which
don't count.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq

_TEXT = "READ_CSV"


def bytes_scanned(profile_json: str, files: Mapping[str, Sequence[str]]) -> int:
    """Return the bytes of a finished run."""
    profile: dict[str, Any] = json.loads(profile_json)
    read = int(profile.get("io", {}).get("total_bytes_read", 0))
    scans = list(_scans(profile.get("operator", [])))
    if not int(profile.get("system", {}).get("peak_temp_dir_size", 0)) and not any(_is_text(scan) for scan in scans):
        return read
    return min(read, sum(_scan_bytes(scan, files) for scan in scans))


def _scans(operators: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for operator in operators:
        if operator.get("type") == "TABLE_SCAN" and operator.get("extra_info", {}).get("Function") in ("READ_PARQUET", _TEXT):
            yield operator
        yield from _scans(operator.get("children", []))


def _is_text(scan: Mapping[str, Any]) -> bool:
    return bool(scan["extra_info"]["Function"] == _TEXT)


def _scan_bytes(scan: Mapping[str, Any], files: Mapping[str, Sequence[str]]) -> int:
    extra, total = scan["extra_info"], int(scan.get("total_row_groups_to_scan", 0))
    named = str(extra.get("Filename(s)", ""))
    known = [file for file in {file for paths in files.values() for file in paths} if file in named or not named]
    if _is_text(scan):
        return sum(os.path.getsize(file) for file in known)
    share = int(scan.get("row_groups_scanned", total)) / total if total else 0.0
    return round(sum(_column_bytes(file, _words(extra)) for file in known) * share)


def _words(extra: Mapping[str, Any]) -> set[str]:
    """Return every word of the scan's projections and filters; the table's columns among them are those it read."""
    return set(re.findall(r"\w+", f"{extra.get('Projections', '')} {extra.get('Filters', '')}".lower()))


def _column_bytes(file: str, words: set[str]) -> int:
    metadata = pq.read_metadata(file)
    size = 0
    for group in range(metadata.num_row_groups):
        chunks = metadata.row_group(group)
        for index in range(metadata.num_columns):
            chunk = chunks.column(index)
            if chunk.path_in_schema.split(".")[0].lower() in words:
                size += chunk.total_compressed_size
    return size
