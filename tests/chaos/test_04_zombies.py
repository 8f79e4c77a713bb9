"""Invariant 4: a worker that was presumed dead and wakes up changes nothing of what another has published."""

from __future__ import annotations

import hashlib
import random
import time
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.conftest import Source
from tests.chaos.hurts import since
from tests.chaos.records import ask
from tests.chaos.workers import Worker, one_more
from tests.conftest import Measured
from tests.freezing import Job, caught, frozen, thaw
from tests.stack import Stack, until


@pytest.mark.timeout(240)
def test_a_zombie_changes_no_byte(stack: Stack, source: Source, dice: random.Random, tmp_path: Path, measured: Measured) -> None:
    """A publish's worker is frozen past its lease, another finishes the job, the first wakes up: files and catalog stay as they are."""
    haunt(stack, source, dice, tmp_path, measured, zombies=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_zombies_change_no_byte(stack: Stack, source: Source, dice: random.Random, tmp_path: Path, measured: Measured) -> None:
    """The long form: frozen at ten random moments."""
    haunt(stack, source, dice, tmp_path, measured, zombies=10)


def haunt(stack: Stack, source: Source, dice: random.Random, folder: Path, measured: Measured, *, zombies: int) -> None:
    """Freeze, let another finish, thaw, and compare."""
    upload = stack.upload(source.path)
    assert stack.profile(upload["id"], timeout_s=120)["state"] == "succeeded"
    fenced = 0
    started = time.monotonic()
    for number in range(zombies):
        name = f"haunted_{zombies}_{number}"
        with one_more(stack, "worker-publish", folder, name=f"zombie-{number}", HEADWATER_PUBLISH_SLICE_S="60") as zombie:
            with frozen(stack, "worker-publish") as others:
                far = partial(has_read, least=dice.uniform(0.05, 0.8) * source.path.stat().st_size)
                with caught(stack, zombie.family, partial(stack.start_publish, upload["id"], name), seen=far) as path:
                    thaw(others)
                    assert stack.wait(path, timeout_s=120)["state"] == "succeeded"
                    before = hashes(stack, name)
            fenced += until(partial(knows, zombie), timeout_s=60, what="the zombie sees that it is one")
            assert hashes(stack, name) == before
        assert stack.rows(f"SELECT count(*), sum(amount) FROM {name}") == [[str(source.rows), str(source.total)]]
    measured(zombies=zombies, fenced=fenced, bytes_changed=0, seconds=since(started))


def has_read(job: Job, *, least: float) -> bool:
    """Whether a publish is converting and has read so many bytes."""
    return bool(job["phase"] == "converting" and (job["progress"]["bytes_done"] or 0) >= least)


def knows(zombie: Worker) -> int | None:
    """Return how often a zombie has seen that it is one, once it has."""
    return zombie.said("job.lease_lost") or None


def hashes(stack: Stack, name: str) -> tuple[dict[str, str], list[tuple[object, ...]]]:
    """Return the digest of each of a dataset's files, and what the catalog says of it."""
    dataset_id = stack.http.get(f"/v1/datasets/{name}").json()["id"]
    top = stack.home / "objects" / "ws" / "default" / "tables" / dataset_id
    digests = {str(path.relative_to(top)): hashlib.sha256(path.read_bytes()).hexdigest() for path in top.rglob("*") if path.is_file()}
    return digests, ask(stack, "SELECT version, location, columns, updated_at FROM catalog_tables WHERE name = ?", name)
