"""Log lines: each names its service, and says a thing once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_LOGS = """
import logging, threading
from services.shared.logs import configure_logs, get_logger
from services.shared.settings import LogFormat, Settings
configure_logs(Settings(log_format=LogFormat.JSON), service="query")
thread = threading.Thread(target=lambda: get_logger().info("job.claimed"))
thread.start(); thread.join()
for name in ("celery.beat", "celery.worker.strategy", "celery.app.trace"):
    logging.getLogger(name).info("one more task")
    logging.getLogger(name).error("a task that failed")
"""


def logged() -> list[dict[str, str]]:
    """Return the lines of a process with logs of its own."""
    ended = subprocess.run([sys.executable, "-c", _LOGS], cwd=ROOT, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in ended.stderr.splitlines()]


def test_every_line_names_its_service() -> None:
    """In every thread, whether it is our line or a library's."""
    assert {line["service"] for line in logged()} == {"query"}


def test_a_task_is_told_once() -> None:
    """Celery repeats nothing that a job's own lines say; what fails is still said."""
    assert [line["event"] for line in logged()] == ["job.claimed", *["a task that failed"] * 3]
