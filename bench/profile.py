"""P1, P2 and P4: the full profile against DuckDB's `SUMMARIZE`, in turns, each run in a process of its own.

`python bench/profile.py [--megabytes 256] [--rounds 5] [--full]`; `--full` is 1,000 MB. Prints table rows and keeps the figures in
`bench/results/`. A ratio is the median of the ratios of the rounds; the memory is the highest of a process at its peak.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.data import write  # noqa: E402

MEASURED = """
import json, os, resource, sys, time
sys.path.insert(0, {root!r})
path = {path!r}
begun = time.perf_counter()
{body}
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({{"wall_s": time.perf_counter() - begun, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss / 1024}}))
"""
PROFILE = """
from services.worker.profile.model import to_json
from services.worker.profile.run import ProfileRun, ProfileSettings
run = ProfileRun.start(ProfileSettings.from_json(None))
quiet = lambda *, bytes_done, records_done: None
with open(path, "rb") as stream:
    run.advance(stream, available=os.path.getsize(path), final=True, report=quiet, rejects=lambda found: None, stop=lambda: False)
to_json(run.finish())
"""
SUMMARIZE = """
import duckdb
connection = duckdb.connect(config={"threads": 2})
connection.execute("SET enable_progress_bar = false")
connection.execute("SUMMARIZE SELECT * FROM read_csv(?)", [path]).fetchall()
"""


@dataclass(frozen=True)
class Measured:
    """One process: seconds on the wall and of the processor, peak memory."""

    wall_s: float
    cpu_s: float
    peak_mb: float


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


def measure(body: str, path: Path) -> Measured:
    """Run `body` over the file in a new process."""
    code = MEASURED.format(root=str(ROOT), path=str(path), body=body)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


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


def keep(row: Row) -> None:
    """Write the figures with the versions they were measured with."""
    target = ROOT / "bench" / "results" / f"{row.number}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    versions = {name: version(name) for name in ("pandas", "pyarrow", "numpy", "duckdb")} | {"python": platform.python_version()}
    target.write_text(json.dumps({**asdict(row), "versions": versions}, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--full", action="store_true", help="files of the full size: 1,000 MB narrow, 500 MB wide")
    arguments = parser.parse_args()
    megabytes = 1000 if arguments.full else arguments.megabytes
    with tempfile.TemporaryDirectory() as folder:
        narrow = compare("P1", "narrow", megabytes, rounds=arguments.rounds, folder=Path(folder))
        print(narrow, flush=True)
        keep(narrow)
        wide = compare("P2", "wide", megabytes / 2, rounds=arguments.rounds, folder=Path(folder))
        print(wide, flush=True)
        keep(wide)
        peak = max(narrow.peak_mb, wide.peak_mb)
        small = measure(PROFILE, write("narrow", megabytes / 4, to=Path(folder)))
        print(f"| P4 | peak memory | | {peak:.0f} MB; {narrow.peak_mb / small.peak_mb - 1:+.0%} from {megabytes / 4:g} to {megabytes:g} MB |")
        memory = {"number": "P4", "peak_mb": peak, "small_peak_mb": small.peak_mb, "large_peak_mb": narrow.peak_mb}
        (ROOT / "bench" / "results" / "P4.json").write_text(json.dumps(memory, indent=2) + "\n")


if __name__ == "__main__":
    main()
