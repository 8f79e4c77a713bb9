"""A backup is the home at one moment, whole or not taken at all, and what is restored from it goes on from there."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from headwater.backup import BackupFailed, back_up, check_backup, restore
from headwater.backup.manifest import NAME, load_manifest
from headwater.instance import only_instance
from services.shared.records.database import Database
from services.shared.records.migrate import migrate
from services.shared.records.tables import dataset_versions, jobs
from services.shared.settings import Settings
from tests.stack import FAST, ROOT, Stack, running, until

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}
ROWS = 200_000


@pytest.mark.timeout(400)
def test_a_backup_under_load_is_one_moment_and_goes_on(tmp_path: Path) -> None:
    """While uploads, publishes and queries run: what is restored answers the same, a publish that ran ends well, an upload goes on at its offset."""
    home, target, other = tmp_path / "home", tmp_path / "backup", tmp_path / "other"
    body = b"n,word\n" + b"".join(b"%d,w%d\n" % (number, number % 7) for number in range(ROWS))
    with running(home, **FAST) as stack:
        kept = stack.upload_bytes(body)["id"]
        assert stack.profile(kept)["state"] == "succeeded"
        assert stack.publish(kept, "kept")["state"] == "succeeded"
        question = "SELECT word, count(*), sum(n) FROM kept GROUP BY word ORDER BY word"
        answer = stack.rows(question)
        half = start_upload(stack, body)
        with loaded(stack):
            back_up(Settings(home=home), target)
            publish = frozen_publish(stack, body)
            second = back_up(Settings(home=home), target)
            stack.kill("worker-publish", signal.SIGCONT)
            assert second.copied_bytes < second.size / 2
        assert stack.wait(f"/v1/jobs/{publish}")["state"] == "succeeded"
    check_backup(target)
    restore(target, other)
    assert state_of(other, publish) == "running"
    require_every_table_file(other)
    with running(other, **FAST) as again:
        assert again.rows(question) == answer
        assert again.wait(f"/v1/jobs/{publish}", timeout_s=90)["state"] == "succeeded"
        assert again.rows("SELECT count(*) FROM later") == [[str(ROWS)]]
        offset = int(again.http.head(half, headers=TUS).headers["Upload-Offset"])
        assert offset == len(body) // 2
        sent = again.http.patch(
            half, headers={**TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}, content=body[offset:]
        )
        assert sent.status_code == 204
        assert again.profile(half.rsplit("/", 1)[1])["state"] == "succeeded"


def test_a_second_backup_copies_only_what_is_new(tmp_path: Path) -> None:
    """Objects are copied once, whatever names share their bytes; the records are copied each time, and what is gone is freed."""
    settings = small_home(tmp_path)
    objects = settings.objects_folder() / "ws" / "default"
    first = back_up(settings, tmp_path / "backup")
    (objects / "more.bin").write_bytes(b"more" * 1000)
    os.link(objects / "more.bin", objects / "again.bin")
    (objects / "old.bin").unlink()
    second = back_up(settings, tmp_path / "backup")
    assert (first.copied_files, second.copied_files) == (first.files, 2)
    blobs = [path for path in (tmp_path / "backup" / "blobs").rglob("*") if path.is_file()]
    assert len(blobs) == len({entry.sha256 for entry in load_manifest(tmp_path / "backup").entries.values()}) == 2


def test_a_backup_that_was_killed_leaves_the_one_before(tmp_path: Path) -> None:
    """The manifest is the last thing that changes; the next backup takes away what the killed one left."""
    settings, target = small_home(tmp_path), tmp_path / "backup"
    back_up(settings, target)
    before = (target / NAME).read_bytes()
    (settings.objects_folder() / "ws" / "default" / "big.bin").write_bytes(os.urandom(1 << 20) * 200)
    killed = subprocess.Popen(
        (sys.executable, "-m", "headwater.backup", "take", str(target)), cwd=ROOT, env={**os.environ, "HEADWATER_HOME": str(settings.home)}
    )
    until(lambda: any((target / "blobs").glob(".new")), timeout_s=30, what="the copy of the large file begins")
    killed.kill()
    killed.wait()
    assert (target / NAME).read_bytes() == before
    check_backup(target)
    back_up(settings, target)
    assert not (settings.objects_folder() / ".backup").exists()
    restore(target, tmp_path / "other")
    assert (tmp_path / "other" / "objects" / "ws" / "default" / "big.bin").stat().st_size == 200 << 20


def test_a_damaged_backup_is_never_restored(tmp_path: Path) -> None:
    """One byte that differs, one content that is missing, a manifest cut short: each is named, and no home is left behind."""
    settings, target, other = small_home(tmp_path), tmp_path / "backup", tmp_path / "other"
    back_up(settings, target)
    entry = load_manifest(target).entries["objects/ws/default/old.bin"]
    blob = target / "blobs" / entry.sha256[:2] / entry.sha256
    content = blob.read_bytes()
    blob.write_bytes(content[:-1] + b"?")
    for act in (lambda: check_backup(target), lambda: restore(target, other)):
        with pytest.raises(BackupFailed, match=r"old\.bin is damaged"):
            act()
    blob.unlink()
    with pytest.raises(BackupFailed, match=r"old\.bin is missing"):
        restore(target, other)
    blob.write_bytes(content)
    manifest = (target / NAME).read_bytes()
    (target / NAME).write_bytes(manifest[:-40])
    with pytest.raises(BackupFailed, match="manifest"):
        restore(target, other)
    (target / NAME).unlink()
    with pytest.raises(BackupFailed, match="never finished"):
        restore(target, other)
    assert not other.exists()
    assert not list(tmp_path.glob(".*restoring"))


def test_a_home_in_use_is_not_overwritten(tmp_path: Path) -> None:
    """A running product, then files that are there: both are refused with the way out, and stay as they are."""
    settings, target = small_home(tmp_path), tmp_path / "backup"
    back_up(settings, target)
    with only_instance(settings.home), pytest.raises(BackupFailed, match=f"process {os.getpid()}"):
        restore(target, settings.home)
    with pytest.raises(BackupFailed, match="not empty"):
        restore(target, settings.home)
    (tmp_path / "empty").mkdir()
    restore(target, tmp_path / "empty")
    assert (tmp_path / "empty" / "objects" / "ws" / "default" / "old.bin").read_bytes() == b"old" * 1000


def test_what_can_t_be_backed_up_is_refused(tmp_path: Path) -> None:
    """A home without records, a target inside it, a folder with other things, records that are elsewhere: nothing is written."""
    settings = small_home(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    for wrong, target in (
        (Settings(home=tmp_path / "none"), tmp_path / "a"),
        (settings, settings.home / "backup"),
        (settings, tmp_path / "mine"),
        (Settings(home=settings.home, database_url="postgresql://somewhere/else"), tmp_path / "b"),
    ):
        with pytest.raises(BackupFailed):
            back_up(wrong, target)
    assert {path.name for path in tmp_path.iterdir()} == {"home", "mine"}
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


@contextlib.contextmanager
def loaded(stack: Stack) -> Iterator[None]:
    """Upload, publish and ask all the time, from another thread."""
    over, done = threading.Event(), []

    def work() -> None:
        with httpx.Client(base_url=stack.url, timeout=60, trust_env=False) as client:
            while not over.is_set():
                upload = client.post("/v1/uploads", params={"filename": "more.csv"}, content=b"a,b\n" + b"1,2\n" * 5000).json()["id"]
                until(lambda upload=upload: client.get(f"/v1/uploads/{upload}/profile").status_code == 200, timeout_s=60, what="a profile")
                client.post("/v1/datasets", json={"upload_id": upload, "name": f"more_{len(done)}", "mode": "create"})
                client.post("/v1/queries", json={"sql": "SELECT count(*) FROM kept"})
                done.append(upload)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        until(lambda: len(done) >= 2, timeout_s=60, what="the load has begun")
        yield
    finally:
        over.set()
        thread.join()


def start_upload(stack: Stack, body: bytes) -> str:
    """Send half of an upload, and return its address."""
    made = stack.http.post("/v1/uploads", headers={**TUS, "Upload-Length": str(len(body))})
    address = httpx.URL(made.headers["Location"]).path
    assert stack.http.patch(address, headers={**BYTES, "Upload-Offset": "0"}, content=body[: len(body) // 2]).status_code == 204
    return address


def frozen_publish(stack: Stack, body: bytes) -> str:
    """Publish a file, stop its worker in the middle, and return the job."""
    upload = stack.upload_bytes(body)["id"]
    stack.profile(upload)
    job = str(stack.http.post("/v1/datasets", json={"upload_id": upload, "name": "later", "mode": "create"}).json()["id"])
    until(lambda: (stack.find(f"/v1/jobs/{job}") or {})["state"] == "running", timeout_s=60, what="the publish runs")
    stack.kill("worker-publish", signal.SIGSTOP)
    return job


def state_of(home: Path, job_id: str) -> str:
    """Return a job's state in the records of a home that does not run."""
    database = Database(Settings(home=home).database_location())
    with database.read() as tx:
        state = tx.execute(select(jobs.c.state).where(jobs.c.id == job_id)).scalar_one()
    database.close()
    return str(state)


def require_every_table_file(home: Path) -> None:
    """Fail if a version that the records name lacks a file."""
    database = Database(Settings(home=home).database_location())
    with database.read() as tx:
        versions = tx.execute(select(dataset_versions.c.prefix, dataset_versions.c.files).where(dataset_versions.c.freed_at.is_(None))).all()
    database.close()
    assert versions
    for prefix, files in versions:
        assert len(list((home / "objects" / prefix).iterdir())) == files


def small_home(tmp_path: Path) -> Settings:
    """Make a home with records and one object."""
    settings = Settings(home=tmp_path / "home")
    database = Database(settings.database_location())
    migrate(database)
    database.close()
    (settings.objects_folder() / "ws" / "default").mkdir(parents=True)
    (settings.objects_folder() / "ws" / "default" / "old.bin").write_bytes(b"old" * 1000)
    return settings
