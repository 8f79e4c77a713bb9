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
from tests.chaos.hurts import frozen
from tests.chaos.workers import one_more
from tests.conftest import Measured
from tests.stack import Stack, until

_CHUNK_BYTES = 8 << 20


@pytest.mark.slow
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
        at_once = {"soft_stop_s": 0.1, "HEADWATER_PUBLISH_SLICE_S": "60", "HEADWATER_PARQUET_FILE_BYTES": str(64 << 20)}
        with one_more(stack, "worker-publish", folder, name=f"leaving-{number}", **at_once) as leaving:  # type: ignore[arg-type]
            with frozen(stack, "worker-publish"):
                path = stack.http.post("/v1/datasets", json={"upload_id": upload["id"], "name": name}).headers["Location"]
                reached = until(partial(bytes_done, stack, path), timeout_s=60, what="the conversion is under way")
                exits.append(leaving.terminate())
                stopped_at = time.monotonic()
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


def bytes_done(stack: Stack, path: str) -> int | None:
    """Return how far a conversion is, once it has begun."""
    found = stack.find(path) or {}
    return found["progress"]["bytes_done"] or None if found.get("phase") == "converting" and found.get("progress") else None


def claimed_again(stack: Stack, path: str, attempt: int) -> bool:
    """Whether another attempt has begun."""
    return bool(records.job(stack, path)["attempt"] > attempt)
