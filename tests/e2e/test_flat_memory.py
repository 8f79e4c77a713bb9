"""Memory is flat: a file of twice the size takes no more of it, from the upload to the download."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.conftest import Measured
from tests.e2e import memory
from tests.e2e.test_tpch import curl
from tests.stack import Stack

LIMIT = 700 * memory.MB
GROWTH, NOISE = 1.1, 16 * memory.MB
_ROWS = 20_000


@pytest.mark.timeout(900)
def test_memory_is_flat(stack: Stack, tmp_path: Path, dice: random.Random, measured: Measured) -> None:
    """150 MB, then 300 MB."""
    measured(**twice(stack, tmp_path, dice, size=300_000_000))


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_memory_is_flat_at_2_gb(stack: Stack, tmp_path: Path, dice: random.Random, measured: Measured) -> None:
    """1 GB, then 2 GB."""
    measured(**twice(stack, tmp_path, dice, size=2_000_000_000))


def twice(stack: Stack, folder: Path, dice: random.Random, *, size: int) -> dict[str, object]:
    """Send half as much and then all; no process may take more than it may, nor a tenth and some noise more for the whole."""
    half = through(stack, folder, dice, size=size // 2)
    whole = through(stack, folder, dice, size=size)
    grown = {name: found for name, found in whole.bytes.items() if found > half.bytes.get(name, found) * GROWTH + NOISE}
    assert {name: found for name, found in whole.bytes.items() if found > LIMIT} == {}, whole.table()
    assert grown == {}, half.table() + whole.table()
    largest = max(whole.bytes, key=lambda name: whole.bytes[name])
    return {
        "mb": size // memory.MB,
        "samples": whole.samples,
        "largest": f"{largest} {whole.bytes[largest] // memory.MB} MB, {half.bytes.get(largest, 0) // memory.MB} MB at half the size",
        "grown": len(grown),
    }


def through(stack: Stack, folder: Path, dice: random.Random, *, size: int) -> memory.Peaks:
    """Take a file from the upload to the download of its whole table; return the peaks on the way."""
    path, name = folder / f"flat_{size}.csv", f"flat_{size // memory.MB}"
    rows = generate(path, dice, size=size)
    with memory.watched(stack) as peaks:
        upload = curl(stack, path)
        path.unlink()
        assert stack.profile(upload["id"], timeout_s=1800)["state"] == "succeeded"
        assert stack.publish(upload["id"], name, timeout_s=1800)["state"] == "succeeded"
        assert stack.rows(f"SELECT count(*), count(DISTINCT customer) FROM {name}", timeout_s=600) == [[str(rows), "5000"]]
        query = stack.query(f"SELECT * FROM {name}", timeout_s=1800)
        assert query["state"] == "succeeded", query
        with stack.http.stream("GET", f"/v1/queries/{query['id']}/download", params={"format": "csv"}, timeout=600) as answer:
            assert answer.status_code == 200
            lines = sum(chunk.count(b"\n") for chunk in answer.iter_bytes())
        assert lines == rows + 1
    assert stack.http.delete(f"/v1/uploads/{upload['id']}", params={"force": "true"}).status_code == 204
    return peaks


def generate(path: Path, dice: random.Random, *, size: int) -> int:
    """Write orders of about that many bytes, a block of them again and again under new numbers; return how many."""
    tails = [
        f"{number % 5_000},{dice.randrange(10**7) / 100:.2f},2024-{dice.randrange(12) + 1:02}-{dice.randrange(28) + 1:02},"
        f'"{dice.getrandbits(160):040x}, Zoë"\n'
        for number in range(_ROWS)
    ]
    rows = 0
    with path.open("w", encoding="utf-8") as file:
        file.write("id,customer,price,day,note\n")
        while file.tell() < size:
            file.write("".join(f"{rows + step},{tail}" for step, tail in enumerate(tails)))
            rows += len(tails)
    return rows
