"""A contender: Python that is run over a file in a process of its own, and measured from within it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_MEASURED = """
import json, os, resource, sys, time
path, target = sys.argv[1:]
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
profile = to_json(run.finish())
"""


@dataclass(frozen=True)
class Measured:
    """One process: seconds on the wall and of the processor, peak memory."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def measure(body: str, path: Path, target: Path | None = None) -> Measured:
    """Run `body` with the names `path` and `target` in a new process; end all if it fails."""
    command = [sys.executable, "-c", _MEASURED.format(body=body), str(path), str(target)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"a contender failed:\n{ended.stderr}")
    return Measured(**json.loads(ended.stdout.splitlines()[-1]))
