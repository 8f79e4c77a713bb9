"""P9: CSV to Parquet against DuckDB's `COPY` and polars' `sink_parquet`, in turns, each run in a process of its own.

`python bench/convert.py [--megabytes 256] [--rounds 5] [--full] [--kind narrow]`; `--full` is 1,000 MB. Prints table rows and keeps the
figures in `bench/results/`. Ours starts from a contract, as a publish does: the profile was made before and is not measured. A ratio is
the median of the ratios of the rounds, against the faster of the two by processor time; the memory is the highest peak.
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
path, target = {path!r}, {target!r}
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
open(target, "wb").write(to_json(run.finish()))
"""
OURS = """
from pathlib import Path
from services.shared.publish_contract import ContractColumn, Mode, PublishContract
from services.shared.storage.folder import FolderStorage
from services.worker.publish.convert import Work, convert
from services.worker.publish.converted import Converted
from services.worker.publish.source import Source, read_known
from services.worker.publish.targets import plan_targets
with open(path + ".profile", "rb") as stream:
    known = read_known(stream)
columns = tuple(ContractColumn(c.name, i, c.name, c.type) for i, c in enumerate(known.columns))
plan = plan_targets(PublishContract("dst", "t", "d", Mode.CREATE, 1, None, columns=columns), known, ())
with open(path, "rb") as stream:
    source = Source(None, stream, os.path.getsize(path), known)
    work = Work(source, plan, FolderStorage(Path(target)), "")
    done = convert(work, start=Converted.nothing(len(columns)), report=lambda b, r: None, save=lambda c: None)
assert done.rows == known.records, (done.rows, known.records)
"""
DUCKDB = """
import duckdb
os.makedirs(target)
connection = duckdb.connect(config={"threads": 2})
connection.execute(f"COPY (SELECT * FROM read_csv('{path}')) TO '{target}/t.parquet' (FORMAT parquet, COMPRESSION zstd)")
"""
POLARS = """
os.environ["POLARS_MAX_THREADS"] = "2"
import polars
os.makedirs(target)
polars.scan_csv(path, try_parse_dates=True, infer_schema_length=10_000).sink_parquet(f"{target}/t.parquet", compression="zstd")
"""


@dataclass(frozen=True)
class Measured:
    """One process: seconds on the wall and of the processor, peak memory, and the bytes it wrote."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    written: int


def measure(name: str, body: str, path: Path, folder: Path) -> Measured:
    """Run one contender in a fresh process and a fresh folder."""
    target = Path(tempfile.mkdtemp(dir=folder)) / "out"
    script = MEASURED.format(root=str(ROOT), path=str(path), target=str(target), body=body)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{name} failed:\n{ended.stderr}")
    written = sum(file.stat().st_size for file in target.rglob("*.parquet"))
    for file in target.rglob("*.parquet"):
        file.unlink()
    return Measured(written=written, **json.loads(ended.stdout.splitlines()[-1]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kind", default="narrow")
    parser.add_argument("--full", action="store_true")
    asked = parser.parse_args()
    megabytes = 1000 if asked.full else asked.megabytes
    contenders = {"ours": OURS, "duckdb": DUCKDB, "polars": POLARS}
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as scratch:
        folder = Path(scratch)
        path = write(asked.kind, megabytes, to=folder)
        subprocess.run([sys.executable, "-c", MEASURED.format(root=str(ROOT), path=str(path), target=f"{path}.profile", body=PROFILE)], check=True)
        rounds = [{name: measure(name, body, path, folder) for name, body in contenders.items()} for _ in range(asked.rounds)]
    figures = summarise(rounds)
    print(f"| P9 | {asked.kind} {megabytes} MB | " + " | ".join(f"{name} {value}" for name, value in figures.items()) + " |")
    keep = {
        "figures": figures,
        "rounds": [{name: asdict(measured) for name, measured in each.items()} for each in rounds],
        "versions": {name: version(name) for name in ("pyarrow", "duckdb", "polars", "pandas")},
        "machine": platform.platform(),
    }
    (ROOT / "bench" / "results" / f"convert-{asked.kind}-{megabytes}.json").write_text(json.dumps(keep, indent=1))


def summarise(rounds: list[dict[str, Measured]]) -> dict[str, float]:
    """Return the ratios and what stands behind them."""
    figures: dict[str, float] = {}
    best = [min(each["duckdb"].cpu_s, each["polars"].cpu_s) for each in rounds]
    figures["cpu ratio"] = median(each["ours"].cpu_s / faster for each, faster in zip(rounds, best, strict=True))
    figures["wall ratio"] = median(each["ours"].wall_s / min(each["duckdb"].wall_s, each["polars"].wall_s) for each in rounds)
    figures["size to duckdb"] = median(each["ours"].written / each["duckdb"].written for each in rounds)
    for name in rounds[0]:
        figures[f"{name} cpu s"] = median(each[name].cpu_s for each in rounds)
        figures[f"{name} wall s"] = median(each[name].wall_s for each in rounds)
        figures[f"{name} peak MB"] = max(each[name].peak_mb for each in rounds)
        figures[f"{name} MB"] = rounds[0][name].written / 1e6
    return {name: round(value, 2) for name, value in figures.items()}


if __name__ == "__main__":
    main()
