"""Every measurement there is, one after the other: `python -m bench [--full] [--rounds 5] [--only P1 P9]`.

Each runs beside its yardstick in the same minutes on the same machine; `docs/performance.md` says what the rows mean, and is
written anew in the end with what was kept.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from dataclasses import dataclass

from scripts.performance_doc import PAGE, render


@dataclass(frozen=True)
class Measurement:
    """A module that prints rows, and what it takes for the full size."""

    rows: tuple[str, ...]
    module: str
    full: tuple[str, ...] = ()


MEASUREMENTS = (
    Measurement(("P1", "P2", "P4"), "bench.profile", ("--full",)),
    Measurement(("P7",), "bench.preview"),
    Measurement(("P9",), "bench.convert", ("--full",)),
    Measurement(("P12",), "bench.upload"),
    Measurement(("P14", "P16"), "bench.waiting"),
    Measurement(("P15",), "bench.polling"),
    Measurement(("P17",), "bench.download"),
    Measurement(("P18", "P21"), "bench.tpch", ("--full",)),
    Measurement(("P20",), "bench.crowd"),
)


def main() -> int:
    """Run what was asked for; return 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="files of 1 GB instead of 256 MB")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender runs")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="some rows, such as P1 P9")
    asked = parser.parse_args()
    print(f"{platform.platform()}, Python {platform.python_version()}", flush=True)
    failed = 0
    for measurement in MEASUREMENTS:
        if asked.only and not set(asked.only) & set(measurement.rows):
            continue
        command = [sys.executable, "-m", measurement.module, "--rounds", str(asked.rounds), *(measurement.full if asked.full else ())]
        failed += subprocess.run(command, check=False).returncode != 0
    PAGE.write_text(render())
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
