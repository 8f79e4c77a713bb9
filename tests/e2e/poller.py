"""Ask an address again and again, as a load balancer does, in a process of its own: `python -m tests.e2e.poller URL`.

Each answer is a line, its status and how many seconds it took; the end of the standard input is the end.
"""

from __future__ import annotations

import http.client
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from urllib.parse import urlsplit

from tests.stack import ROOT

_PAUSE_S = 0.02


@dataclass(frozen=True)
class Answer:
    """One answer's status and time."""

    status: int
    took_s: float


@contextmanager
def polled(url: str) -> Iterator[list[Answer]]:
    """Poll the address until the block ends; then the list has all answers."""
    answers: list[Answer] = []
    command = [sys.executable, "-m", "tests.e2e.poller", url]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield answers
        finally:
            lines, _ = process.communicate(timeout=30)
            for line in lines.splitlines():
                status, took_s = line.split()
                answers.append(Answer(int(status), float(took_s)))
    assert process.returncode == 0


def percentile_s(answers: list[Answer], share: float) -> float:
    """Return the time that this share of the answers did not take longer than."""
    return sorted(answer.took_s for answer in answers)[ceil(share * len(answers)) - 1]


def main(url: str) -> int:
    """Poll until the standard input ends."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    taken = []
    print("polling", flush=True)
    while not select.select([sys.stdin], [], [], _PAUSE_S)[0]:
        began = time.perf_counter()
        connection.request("GET", address.path)
        answer = connection.getresponse()
        answer.read()
        taken.append((answer.status, time.perf_counter() - began))
    print("\n".join(f"{status} {took_s:.6f}" for status, took_s in taken))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
