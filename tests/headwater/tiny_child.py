"""A tiny service, run by its path: says in files when it starts and stops; `--deaf` to SIGTERM, `--family` with a child."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("name")
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("--family", action="store_true")
    options = parser.parse_args()
    folder, name = options.folder, options.name

    def stop(number: int, frame: object) -> None:  # noqa: ARG001 - a signal handler's parameters
        print(f"{name} got {signal.Signals(number).name}", flush=True)
        if not options.deaf:
            _tell(folder, f"stop {name}")
            (folder / f"{name}.up").unlink(missing_ok=True)
            sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    _tell(folder, f"start {name}")
    if options.family:
        grandchild = subprocess.Popen((sys.executable, "-c", "import signal\nwhile True: signal.pause()"))
        with (folder / "grandchildren").open("a") as pids:
            pids.write(f"{grandchild.pid}\n")
    (folder / f"{name}.up").touch()
    while True:
        signal.pause()


def _tell(folder: Path, event: str) -> None:
    with (folder / "events").open("a") as events:
        events.write(event + "\n")


if __name__ == "__main__":
    main()
