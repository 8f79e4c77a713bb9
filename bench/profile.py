"""P1, P2 and P4: the full profile against DuckDB's `SUMMARIZE`, in turns, each run in a process of its own.

`python -m bench.profile [--megabytes 256] [--rounds 5] [--full]`; `--full` is 1,000 MB. Prints table rows and keeps the figures.
A ratio is the median of the ratios of the rounds; the memory is the highest of a process at its peak.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench.contender import PROFILE, Measured, measure
from bench.data import write
from bench.kept import keep

SUMMARIZE = """
import duckdb
connection = duckdb.connect(config={"threads": 2})
connection.execute("SET enable_progress_bar = false")
connection.execute("SUMMARIZE SELECT * FROM read_csv(?)", [path]).fetchall()
"""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    number: str
    what: str
    megabytes: float
    wall_ratio: float
    cpu_ratio: float
    peak_mb: float
    yardstick_peak_mb: float
    rounds: list[tuple[Measured, Measured]]

    def __str__(self) -> str:
        figures = f"{self.wall_ratio:.2f} × wall, {self.cpu_ratio:.2f} × CPU, {self.peak_mb:.0f} MB (yardstick {self.yardstick_peak_mb:.0f} MB)"
        return f"| {self.number} | {self.what}, {self.megabytes:g} MB, {len(self.rounds)} rounds | DuckDB SUMMARIZE | {figures} |"


def compare(number: str, kind: str, megabytes: float, *, rounds: int, folder: Path) -> Row:
    """Take turns: profile, yardstick, profile, yardstick."""
    path = write(kind, megabytes, to=folder)
    pairs = [(measure(PROFILE, path), measure(SUMMARIZE, path)) for _ in range(rounds)]
    return Row(
        number,
        f"full profile of `{kind}`",
        megabytes,
        wall_ratio=median(ours.wall_s / theirs.wall_s for ours, theirs in pairs),
        cpu_ratio=median(ours.cpu_s / theirs.cpu_s for ours, theirs in pairs),
        peak_mb=max(ours.peak_mb for ours, _ in pairs),
        yardstick_peak_mb=max(theirs.peak_mb for _, theirs in pairs),
        rounds=pairs,
    )


def main() -> None:
    """Measure, print the rows, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--full", action="store_true", help="files of the full size: 1,000 MB narrow, 500 MB wide")
    arguments = parser.parse_args()
    megabytes = 1000 if arguments.full else arguments.megabytes
    with tempfile.TemporaryDirectory() as folder:
        narrow = compare("P1", "narrow", megabytes, rounds=arguments.rounds, folder=Path(folder))
        print(narrow, flush=True)
        keep("P1", asdict(narrow))
        wide = compare("P2", "wide", megabytes / 2, rounds=arguments.rounds, folder=Path(folder))
        print(wide, flush=True)
        keep("P2", asdict(wide))
        peak = max(narrow.peak_mb, wide.peak_mb)
        small = measure(PROFILE, write("narrow", megabytes / 4, to=Path(folder)))
        print(f"| P4 | peak memory | | {peak:.0f} MB; {narrow.peak_mb / small.peak_mb - 1:+.0%} from {megabytes / 4:g} to {megabytes:g} MB |")
        keep("P4", {"peak_mb": peak, "small_peak_mb": small.peak_mb, "large_peak_mb": narrow.peak_mb})


if __name__ == "__main__":
    main()
