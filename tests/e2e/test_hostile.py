"""Hostile files are boring, and every row of every file is accounted for: the torture files of the corpora through the running product."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Mapping

import pytest

from services.shared.errors import Problem
from services.worker.csv.sniff import sniff
from tests import corpora
from tests.conftest import SEED, Measured
from tests.e2e import memory, passage
from tests.stack import Stack, until
from tests.worker.csv.plain import NotPlain, Plain, read_plain

AT_ONCE = 4
LONGEST_S = 10
LIMIT = 700 * memory.MB


def naughty() -> list[str]:
    """Return the big list of naughty strings."""
    return list(json.loads((corpora.folder() / "blns.json").read_text("utf-8")))


@pytest.mark.timeout(900)
def test_torture_files_get_a_verdict(stack: Stack, dice: random.Random, measured: Measured) -> None:
    """75 polluted files and a sample of the others, under naughty names: a profile or a problem each, soon, and published whole or refused."""
    others = {name: data for name, data in corpora.tables().items() if not name.startswith("w3c")}
    measured(**torture(stack, {**others, **corpora.pollock_sample(75, seed=SEED)}, dice, published=15))


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_all_torture_files_get_a_verdict(stack: Stack, dice: random.Random, measured: Measured) -> None:
    """The same of 1,475 files, every twentieth of them published."""
    tables = corpora.tables()
    files = {**tables, **corpora.pollock_sample(1_475 - len(tables), seed=SEED)}
    measured(**torture(stack, files, dice, published=len(files) // 20))


def torture(stack: Stack, files: Mapping[str, bytes], dice: random.Random, *, published: int) -> dict[str, object]:
    """Send all, hold each to its verdict and its records, publish some, and return what was counted."""
    names = [name[:255] for name in naughty() if name]
    count = Counter(files=len(files), profiles=0, problems=0, records=0, rejects=0, published=0)
    longest = slowest = 0.0
    chosen = set(dice.sample(sorted(files), published))
    with memory.watched(stack) as peaks:
        for wave in range(0, len(files), AT_ONCE):
            sent = [(name, *passage.send(stack, files[name], dice.choice(names))) for name in list(files)[wave : wave + AT_ONCE]]
            for name, upload_id, took_s in sent:
                found = passage.verdict(stack, upload_id, timeout_s=60)
                longest, slowest = max(longest, found.took_s), max(slowest, took_s)
                if found.profile is None:
                    count["problems"] += 1
                    continue
                accounted(found, files[name])
                count.update(profiles=1, records=found.records(), rejects=len(found.rejects))
                if name in chosen and found.profile["records"]:
                    count["published"] += publish(stack, found, f"torture_{count['published']}_{hashlib.sha256(name.encode()).hexdigest()[:8]}")
    assert max(longest, slowest) < LONGEST_S
    highest = {name: size for name, size in peaks.bytes.items() if name.startswith(("worker", "query"))}
    assert max(highest.values()) < LIMIT, peaks.table()
    return {**count, "longest_s": round(longest, 1), "slowest_answer_s": round(slowest, 2), "worker_mb": max(highest.values()) // memory.MB}


def accounted(found: passage.Verdict, data: bytes) -> None:
    """Hold bytes and digest to what was sent, the rejects to their lines, and the records to plain Python's count where it can tell."""
    profile = found.profile or {}
    assert (profile["bytes"], found.upload["size"]) == (len(data), len(data))
    assert profile["sha256"] == hashlib.sha256(data).hexdigest()
    lines = [reject["line"] for reject in found.rejects]
    assert len(lines) == profile["rejected_records"]
    assert lines == sorted(set(lines))
    assert all(line >= 1 for line in lines)
    plain = in_plain(data)
    if plain is not None:
        assert (profile["records"], lines, found.records()) == (len(plain.rows), plain.rejects, plain.records)


def in_plain(data: bytes) -> Plain | None:
    """Return the file as plain Python reads it; None when that takes a judgement."""
    head = data[: 256 << 10]
    try:
        return read_plain(data, sniff(head, whole=head == data))
    except (NotPlain, Problem):
        return None


def publish(stack: Stack, found: passage.Verdict, name: str) -> int:
    """Publish a file: the receipt names every record, and the query service counts the same; or the refusal is a problem."""
    profile = found.profile or {}
    answer = stack.http.post("/v1/datasets", json={"upload_id": found.upload["id"], "name": name, "max_reject_ratio": 1})
    if answer.status_code != 202:
        assert (answer.status_code, answer.json()["code"]) in passage.WORDS, answer.text
        assert answer.status_code < 500, answer.text
        return 0
    job = stack.wait(answer.headers["Location"], timeout_s=120)
    assert job["state"] == "succeeded", job
    receipt = stack.http.get(f"/v1/datasets/{name}/receipt").json()
    kinds = ("header_records", "preamble_records", "comment_records", "blank_records", "rejected_records", "published_rows")
    assert receipt["balanced"] is True
    assert receipt["records_in"] == sum(receipt[kind] for kind in kinds) == found.records()
    assert [reject["line"] for reject in passage.items(stack, f"/v1/datasets/{name}/versions/1/rejects")] == [
        reject["line"] for reject in found.rejects
    ]
    assert receipt["published_rows"] + receipt["rejected_records"] == profile["records"] + profile["rejected_records"]
    assert passage.table(stack, f"SELECT count(*) FROM {name}") == [[str(receipt["published_rows"])]]
    return 1


def test_naughty_strings_are_headers_and_cells(stack: Stack, measured: Measured) -> None:
    """Each of the list is a column's name in one file and a cell of another, and comes back as it was."""
    strings = naughty()
    quoted = ['"' + text.replace('"', '""') + '"' for text in strings]
    width = len(strings)
    header_id, _ = passage.send(stack, (",".join(quoted) + "\n" + ",".join("1" * width) + "\n").encode(), "headers.csv")
    cells_id, _ = passage.send(stack, ("id,text\n" + "".join(f"{number},{text}\n" for number, text in enumerate(quoted))).encode(), strings[200])
    headers = passage.verdict(stack, header_id, timeout_s=120).profile
    assert headers is not None
    assert [column["source_name"] for column in headers["columns"]] == strings
    assert len({column["name"] for column in headers["columns"]}) == width
    assert passage.verdict(stack, cells_id, timeout_s=120).profile is not None
    for upload_id, name in ((header_id, "naughty_headers"), (cells_id, "naughty_cells")):
        job = stack.publish(upload_id, name, timeout_s=120)
        assert job["state"] == "succeeded", job["error"]
    assert passage.table(stack, "SELECT * FROM naughty_headers") == [["1"] * width]
    back = dict(passage.table(stack, "SELECT id, text FROM naughty_cells"))
    different = [text for number, text in enumerate(strings) if back[str(number)] != text]
    assert different == []
    measured(headers=width, cells=len(back), different=len(different))


@pytest.mark.timeout(300)
def test_a_gzip_bomb_holds_no_one_up(stack: Stack, measured: Measured) -> None:
    """5 MB that unpack to 5 GB of rows are read within the memory, in slices, and stop when they are told to; other files go on meanwhile."""
    bomb = gzip.compress(b"1,2\n" * (1 << 24), 9) * 80
    with memory.watched(stack) as peaks:
        upload_id, _ = passage.send(stack, bomb, "bomb.csv.gz")
        job_id = until(lambda: stack.http.get(f"/v1/uploads/{upload_id}").json()["profile_job_id"], timeout_s=20, what="its job")
        until(lambda: (stack.find(f"/v1/jobs/{job_id}") or {}).get("state") == "running", timeout_s=30, what="it is read")
        other, _ = passage.send(stack, b"a,b\n1,2\n", "small.csv")
        begin = time.monotonic()
        stack.http.post(f"/v1/jobs/{job_id}/cancel")
        ended = stack.wait(f"/v1/jobs/{job_id}", timeout_s=LONGEST_S)
        stopped_s = time.monotonic() - begin
        assert passage.verdict(stack, other, timeout_s=60).profile is not None
    assert ended["state"] == "cancelled"
    assert max(size for name, size in peaks.bytes.items() if name.startswith("worker")) < LIMIT, peaks.table()
    measured(packed_mb=len(bomb) // memory.MB, unpacked_mb=(80 << 26) // memory.MB, stopped_s=round(stopped_s, 1))
