"""Invariant 8: a worker that is asked to stop is gone soon, loses no more than the piece at hand, and its job goes on elsewhere."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path

import pytest

from services.shared.settings import Settings
from tests.chaos import records
from tests.chaos.conftest import Source
from tests.chaos.workers import one_more
from tests.conftest import Measured
from tests.freezing import Job, caught, frozen
from tests.stack import Stack, until

_CHUNK_BYTES = 8 << 20


@pytest.mark.timeout(240)
def test_a_publish_goes_on_elsewhere(stack: Stack, source: Source, tmp_path: Path, measured: Measured) -> None:
    """SIGTERM in the middle of a conversion, with another worker on hand."""
    hand_over(stack, source, tmp_path, measured, times=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_publish_goes_on_elsewhere_ten_times(stack: Stack, source: Source, tmp_path: Path, measured: Measured) -> None:
    """The long form."""
    hand_over(stack, source, tmp_path, measured, times=10)


def hand_over(stack: Stack, source: Source, folder: Path, measured: Measured, *, times: int) -> None:
    """Stop a worker at its work, and see where the next one begins."""
    upload = stack.upload(source.path)
    assert stack.profile(upload["id"], timeout_s=120)["state"] == "succeeded"
    exits, resumed, lost = [], [], []
    for number in range(times):
        name = f"handed_{times}_{number}"
        in_one_go = {"HEADWATER_PUBLISH_SLICE_S": "60", "HEADWATER_PARQUET_FILE_BYTES": str(64 << 20)}
        with one_more(stack, "worker-publish", folder, name=f"leaving-{number}", soft_stop_s=0.1, **in_one_go) as leaving:
            with frozen(stack, "worker-publish"):
                with caught(stack, leaving.family, partial(stack.start_publish, upload["id"], name), seen=converting) as path:
                    reached = (stack.find(path) or {})["progress"]["bytes_done"]
                    asked_at = time.monotonic()
                    leaving.interrupt()
                leaving.process.wait(60)
                stopped_at = time.monotonic()
                exits.append(stopped_at - asked_at)
                assert leaving.said("job.handed_back") == 1
                handed = records.job(stack, path)
                converted = json.loads(handed["checkpoint"] or "{}").get("converted", {"reading": {"offset": 0}})
                lost.append(max(0, reached - converted["reading"]["offset"]))
                assert handed["failures"] == 0
            until(partial(claimed_again, stack, path, handed["attempt"]), timeout_s=30, what="another worker goes on")
            resumed.append(time.monotonic() - stopped_at)
            assert stack.wait(path, timeout_s=120)["state"] == "succeeded"
        assert stack.rows(f"SELECT count(*), sum(amount) FROM {name}") == [[str(source.rows), str(source.total)]]
    measured(times=times, longest_exit_s=round(max(exits), 1), longest_pause_s=round(max(resumed), 1), most_bytes_lost=max(lost))
    assert max(exits) < Settings().stop_timeout_s
    assert max(resumed) < 15
    assert max(lost) <= _CHUNK_BYTES


def converting(job: Job) -> bool:
    """Whether a conversion has come further than its beginning."""
    return job["phase"] == "converting" and bool((job["progress"] or {}).get("bytes_done"))


def claimed_again(stack: Stack, path: str, attempt: int) -> bool:
    """Whether another attempt has begun."""
    return bool(records.job(stack, path)["attempt"] > attempt)
