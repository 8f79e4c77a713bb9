"""P9: CSV to Parquet against DuckDB's `COPY` and polars' `sink_parquet`, in turns, each run in a process of its own.

`python -m bench.convert [--megabytes 256] [--rounds 5] [--full] [--kind narrow]`; `--full` is 1,000 MB. Prints the row and keeps its
figures. Ours starts from a contract, as a publish does: the profile was made before and is not measured. A ratio is
the median of the ratios of the rounds, against the faster of the two by processor time; the memory is the highest peak.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench import contender
from bench.contender import PROFILE
from bench.data import write
from bench.kept import keep

PROFILED = PROFILE + 'open(target, "wb").write(profile)'
OURS = """
from pathlib import Path
from services.shared.publish_contract import ContractColumn, Mode, PublishContract
from services.shared.storage.folder import FolderStorage
from services.worker.publish.convert import convert
from services.worker.publish.converted import Converted
from services.worker.publish.source import Source, read_known
from services.worker.publish.targets import plan_targets
from services.worker.publish.work import Work
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
class Converted:
    """One contender's process, and the bytes that it wrote."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    written: int


def measure(body: str, path: Path, folder: Path) -> Converted:
    """Run one contender in a fresh process and a fresh folder."""
    target = Path(tempfile.mkdtemp(dir=folder)) / "out"
    taken = contender.measure(body, path, target)
    files = list(target.rglob("*.parquet"))
    written = sum(file.stat().st_size for file in files)
    for file in files:
        file.unlink()
    return Converted(**asdict(taken), written=written)


def main() -> None:
    """Measure, print the row, keep its figures."""
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
        contender.measure(PROFILED, path, Path(f"{path}.profile"))
        rounds = [{name: measure(body, path, folder) for name, body in contenders.items()} for _ in range(asked.rounds)]
    figures = summarise(rounds)
    print(f"| P9 | {asked.kind} {megabytes} MB | " + " | ".join(f"{name} {value}" for name, value in figures.items()) + " |")
    each = [{name: asdict(measured) for name, measured in one.items()} for one in rounds]
    keep("P9", {"kind": asked.kind, "megabytes": megabytes, "figures": figures, "rounds": each})


def summarise(rounds: list[dict[str, Converted]]) -> dict[str, float]:
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
