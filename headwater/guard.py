"""The guard: a small process that outlives the supervisor by a moment and ends every process group it left behind.

Run by its path (`python -I -S guard.py`), it reads `+GROUP` and `-GROUP` lines, and when its standard input closes it
kills the groups that are still on its list. The kernel ends the supervisor's own children (`leash`), this ends theirs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def main() -> None:
    """Keep the list until standard input closes, then kill what is on it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
