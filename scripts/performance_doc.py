"""Write `docs/performance.md` with the figures that were kept in `bench/results/`: `python -m scripts.performance_doc`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "bench" / "results"
_HEAD = """# Performance

    make bench                        # every row, files of 256 MB, five rounds; then this page is written anew
    make bench ARGS="--full"          # files of 1 GB
    make bench ARGS="--only P1 P9"    # some rows
    make bench ARGS="--help"

Every figure is a ratio to a yardstick that runs beside it, in turns, on the same machine and file: the median over the rounds, with processor
seconds and peak memory. Where a machine is noisy, the ratio of processor time decides. Seconds from one machine say nothing about another; ratios
do. Files are made on the spot from a seed. Figures are printed and kept in `bench/results/`, with the versions they were measured with, and
`.venv/bin/python -m scripts.performance_doc` writes this page from them.

| row | what is measured | beside | target | measured | when |
| --- | --- | --- | --- | --- | --- |
"""
_TAIL = """
Targets are goals, not promises. × is how often the yardstick's time, or size, goes into ours; where more is better the target has ≥. The load is
that of the machine's last minute: where it is above the measurement's own, others worked too.

| file | what it is |
| --- | --- |
| `narrow` | 20 columns of mixed types, with nulls, quotes, commas, line breaks in cells |
| `wide` | 500 columns, numbers mostly |
| `adversarial` | quoted fields that hold up to 60,000 lines which look like CSV |
"""


@dataclass(frozen=True)
class Row:
    """One line of the table; `say` puts the kept figures of its number into words, and without it nothing measures the row."""

    number: str
    what: str
    beside: str
    target: str
    say: Callable[[Any], str] | None = None


def _profile(kept: Any) -> str:
    return f"{kept['wall_ratio']:.2f} × wall, {kept['cpu_ratio']:.2f} × processor, {kept['megabytes']:,.0f} MB"


def _converted(kept: Any) -> str:
    figures = kept["figures"]
    ratios = f"{figures['cpu ratio']:.2f} × processor, files {figures['size to duckdb']:.2f} ×"
    return f"{ratios}, {figures['ours peak MB']:.0f} MB of memory, {kept['megabytes']:,} MB"


def _previewed(kept: Any) -> str:
    return f"{kept['narrow']['median_ms']:.0f} ms, {kept['wide']['median_ms']:.0f} ms"


def _uploaded(kept: Any) -> str:
    return f"{kept['ratio']:.2f} × {kept['beside']}, {kept['durable_ratio']:.2f} × the same that syncs, {kept['megabytes']:,} MB"


def _downloaded(kept: Any) -> str:
    ratios = f"whole {kept['whole']['wall_ratio']:.2f} ×, range {kept['range']['wall_ratio']:.2f} ×"
    return f"{ratios}, {kept['memory_growth_mb']:+.0f} MB, {kept['megabytes']:,} MB"


def _scanned(kept: Any) -> str:
    faster = sorted(scan["duckdb_on_csv_s"] / scan["headwater_s"] for scan in kept["scans"].values())
    return f"engine {kept['engine_ratio']:.2f} ×, end to end {kept['ratio']:.2f} ×; {faster[len(faster) // 2]:.0f} × faster, scale {kept['scale']:g}"


def _crowded(kept: Any) -> str:
    apart = f"uploads {kept['upload_spread']:.1f} × and queries {kept['query_spread']:.1f} × apart"
    return f"{len(kept['errors'])} errors, {apart}, p99 {1000 * kept['healthz_p99_s']:.0f} ms"


def _questioned(kept: Any) -> str:
    return f"{kept['right']} of {len(kept['questions'])} right, {kept['ratio']:.2f} ×, scale {kept['scale']:g}"


ROWS = (
    Row(
        "P1",
        "a full profile of `narrow`: types over all records, nulls, distinct, bounds, quantiles, histogram, top values, casts, rejects",
        "DuckDB's `SUMMARIZE`, which has no casts, top values or rejects",
        "≤ 1.0 × wall and processor",
        _profile,
    ),
    Row("P2", "the same of `wide`", "the same", "≤ 0.9 ×", _profile),
    Row("P3", "the same of `narrow`", "pandas' `read_csv` in chunks with a plain profile of each", "≥ 3 × faster"),
    Row(
        "P4",
        "the worker's peak memory in it",
        "its own with a quarter of the file",
        "≤ 400 MB",
        lambda kept: f"{kept['peak_mb']:.0f} MB, {kept['large_peak_mb'] / kept['small_peak_mb'] - 1:+.0%}",
    ),
    Row("P5", "the error of `distinct`", "an exact count", "≤ 2 % on every column"),
    Row("P6", "`adversarial`, exact", "its own speed on `narrow`", "right; ≤ 1.5 ×"),
    Row("P7", "a typed preview once 256 KiB have arrived", "", "≤ 100 ms for 20 columns, ≤ 250 ms for 500", _previewed),
    Row("P8", "the profile complete after the last byte, at 50 MB/s", "", "≤ 0.5 s"),
    Row(
        "P9",
        "CSV to Parquet (zstd), from a contract",
        "the faster of DuckDB's `COPY` and polars' `sink_parquet`; files: DuckDB's",
        "≤ 1.1 × processor, files ≤ 1.05 ×, ≤ 512 MB",
        _converted,
    ),
    Row("P10", "profile and Parquet together", "`SUMMARIZE` and `COPY`", "≤ 0.75 × processor"),
    Row("P11", "a publish, end to end", "its conversion alone", "≤ 1.15 ×"),
    Row(
        "P12",
        "a resumable upload, checksummed and synced",
        "nginx, DAV PUT of the same bytes",
        "≥ 0.6 ×; ≤ 10 MB more for one stream of any size, ≤ 64 MB for 32",
        _uploaded,
    ),
    Row("P13", "an upload onward to S3", "boto3's `upload_file`", "≥ 0.95 ×, ≤ 200 MB"),
    Row(
        "P14",
        "from a query's record to its taking by an idle worker",
        "a push to and a pop from the same broker",
        "≤ 15 ×, p95 ≤ 10 ms",
        lambda kept: f"{kept['ratio']:.1f} ×, p95 {1000 * kept['p95_s']:.1f} ms",
    ),
    Row(
        "P15",
        "`GET /v1/jobs/{id}` by 32 connections",
        "a FastAPI constant on the same server",
        "≥ 0.5 ×, p99 ≤ 60 ms",
        lambda kept: f"{kept['ratio']:.2f} ×, p99 {1000 * kept['p99_s']:.0f} ms",
    ),
    Row(
        "P16",
        "a query's time beyond the engine's own, as its submitter sees it",
        "",
        "≤ +60 ms",
        lambda kept: f"+{1000 * kept['overhead_s']:.0f} ms, p95 +{1000 * kept['p95_s']:.0f} ms",
    ),
    Row(
        "P17",
        "a download of a stored result of 500 MB, whole and as a range",
        "granian's own answer with the same file",
        "whole ≤ 1.3 ×, range ≤ 2 ×, ≤ 20 MB more memory",
        _downloaded,
    ),
    Row("P18", "scans of a published table", "DuckDB on Parquet of its own; DuckDB on the CSV", "≤ 1.1 ×; ≥ 10 × faster", _scanned),
    Row("P19", "1 GB end to end, from the first byte to the first row of SQL", "nginx PUT, `SUMMARIZE` and `COPY`, one after the other", "≤ 1.0 ×"),
    Row(
        "P20",
        "32 uploads, 200 queries and 1,000 pollers at once",
        "each alone",
        "no error, ≤ 3 × apart, `/healthz` p99 ≤ 200 ms",
        _crowded,
    ),
    Row(
        "P21",
        "TPC-H as CSV through the whole product, its 22 questions",
        "DuckDB on Parquet of its own",
        "22 of 22 right, sum of times ≤ 1.2 ×",
        _questioned,
    ),
)


def render(results: Path = RESULTS) -> str:
    """Return the page."""
    return _HEAD + "".join(map(_line, ROWS, [results / f"{row.number}.json" for row in ROWS])) + _TAIL


def _line(row: Row, place: Path) -> str:
    measured, when = "not measured yet" if row.say is not None else "no measurement yet", ""
    if row.say is not None and place.exists():
        kept = json.loads(place.read_text())
        measured, when = row.say(kept), _when(kept)
    return f"| {' | '.join((row.number, row.what, row.beside, row.target, measured, when))} |\n"


def _when(kept: Any) -> str:
    machine = kept.get("machine")
    return str(kept["when"]) if machine is None else f"{kept['when']}, load {machine['load'][0]:g} on {machine['cores']} cores"


if __name__ == "__main__":
    PAGE.write_text(render())
