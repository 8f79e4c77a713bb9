"""P7: how long after the first 256 KiB were acknowledged a typed preview of 100 rows can be had, on the running product.

`python -m bench.preview [--rounds 10]`. Nothing stands beside it: a person waits for this one, so the milliseconds themselves are the figure.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from bench.data import write
from bench.kept import keep
from tests.stack import FAST, Stack, running

_FIRST_BYTES = 300_000
_TARGETS_MS = {"narrow": 100, "wide": 250}
_LONGEST_S = 30.0
_TUS = {"Tus-Resumable": "1.0.0"}


def main() -> None:
    """Measure, print the rows, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    kept = {}
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder, running(Path(folder) / "home", **FAST) as stack:
        for kind, target in _TARGETS_MS.items():
            with write(kind, 4, to=Path(folder)).open("rb") as source:
                first = source.read(_FIRST_BYTES)
            taken = [_wait_for_preview(stack, first) * 1000 for _ in range(rounds + 1)][1:]
            kept[kind] = {"rounds": rounds, "median_ms": statistics.median(taken), "most_ms": max(taken)}
            print(
                f"| P7 | {kind}, {rounds} rounds | {statistics.median(taken):.0f} ms, at most {max(taken):.0f} ms | target {target} ms |", flush=True
            )
    keep("P7", kept)


def _wait_for_preview(stack: Stack, first: bytes) -> float:
    created = stack.http.post("/v1/uploads", headers={**_TUS, "Upload-Length": str(10 * len(first))})
    address = created.headers["Location"]
    chunk = {**_TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    stack.http.patch(address, content=first, headers=chunk).raise_for_status()
    started = time.perf_counter()
    while time.perf_counter() - started < _LONGEST_S:
        answer = stack.http.get(f"{address}/preview", params={"rows": 100})
        if answer.status_code == 200:
            assert len(answer.json()["rows"]) > 20
            return time.perf_counter() - started
        time.sleep(0.004)
    raise SystemExit(f"no preview within {_LONGEST_S} s: {answer.status_code} {answer.text[:300]}")


if __name__ == "__main__":
    main()
