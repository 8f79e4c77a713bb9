"""The doctor finds what is wrong with an installation, whether it runs or not."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from headwater.doctor import Finding, Level, examine
from headwater.instance import only_instance
from services.shared.clock import utc_now
from services.shared.records.database import Database
from services.shared.records.migrate import known_revisions, migrate
from services.shared.records.tables import jobs
from services.shared.settings import Settings
from tests.stack import ROOT, free_port, running, until


def test_a_home_that_was_never_used_is_healthy(tmp_path: Path) -> None:
    """Nothing has to run, and nothing is made by looking."""
    findings = examine(settings(tmp_path / "new"))
    assert wrongs(findings) == {}
    assert {finding.name for finding in findings} >= {
        "python",
        "libraries",
        "memory",
        "clock",
        "home",
        "disk",
        "records",
        "processes",
        "ports",
        "broker",
    }
    assert not (tmp_path / "new").exists()


def test_a_misspelled_variable_is_named_with_what_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It changes nothing, which is never what was wanted."""
    monkeypatch.setenv("HEADWATER_QERY_SLOTS", "8")
    (finding,) = [finding for finding in examine(settings(tmp_path)) if finding.level is Level.WRONG]
    assert "HEADWATER_QERY_SLOTS" in finding.detail
    assert "HEADWATER_QUERY_SLOTS" in finding.remedy


def test_refused_values_are_said_and_the_rest_is_examined_all_the_same(tmp_path: Path) -> None:
    """One document with all of them, exit code 1; a secret's value is not in it."""
    ended = doctor(tmp_path, "--json", HEADWATER_API_PORT="ninety", HEADWATER_QUERY_SLOTS="0", HEADWATER_LEASE_S="5")
    said = json.loads(ended.stdout)
    details = " ".join(finding["detail"] for finding in said["findings"] if finding["level"] == "wrong")
    assert (ended.returncode, said["healthy"]) == (1, False)
    assert all(part in details for part in ("HEADWATER_API_PORT", "ninety", "HEADWATER_QUERY_SLOTS", "HEADWATER_LEASE_S=5"))
    assert "disk" in {finding["name"] for finding in said["findings"]}


def test_a_taken_port_is_named_with_its_holder(tmp_path: Path) -> None:
    """The process id is what one needs to end it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        found = wrongs(examine(settings(tmp_path, api_port=port)))
    assert f"Port {port} is held by process {os.getpid()}" in found["ports"]


def test_a_disk_without_room_and_a_home_that_is_a_file_are_found(tmp_path: Path) -> None:
    """Both keep uploads from coming in."""
    (tmp_path / "file").write_text("not a folder")
    found = wrongs(examine(settings(tmp_path / "file", min_free_bytes=1 << 60)))
    assert "HEADWATER_MIN_FREE_BYTES" in found["disk"]
    assert "can't be written" in found["home"]


def test_memory_that_is_not_there_is_found(tmp_path: Path) -> None:
    """Queries may not be promised more than the machine has."""
    assert "memory" in wrongs(examine(settings(tmp_path, query_memory_bytes=1 << 50)))


def test_records_that_are_damaged_or_of_another_version_are_found(tmp_path: Path) -> None:
    """A newer schema, then bytes that are no database."""
    place = migrated(tmp_path)
    assert known_revisions()[-1] in {f.name: f.detail for f in examine(settings(tmp_path))}["records"]
    with sqlite3.connect(place) as records:
        records.execute("UPDATE alembic_version SET version_num = '9999'")
    records.close()
    assert "9999" in wrongs(examine(settings(tmp_path)))["records"]
    place.write_bytes(b"no database at all" * 1000)
    assert "can't be read" in wrongs(examine(settings(tmp_path)))["records"]


def test_a_supervisor_that_was_killed_left_its_processes_behind(tmp_path: Path) -> None:
    """A process file whose process lives is wrong without a supervisor; one whose process is gone is a note."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "api.pid").write_text(f"{os.getpid()}\n")
    assert "api" in wrongs(examine(settings(tmp_path)))["leftovers"]
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "run" / "api.pid").write_text(f"{ended.pid}\n")
    assert "leftovers" not in wrongs(examine(settings(tmp_path)))


def test_a_check_that_stumbles_is_a_finding_and_hides_no_other(tmp_path: Path) -> None:
    """A password file that is no text makes one check stumble: it is named with its error and counts as wrong, and the others say what they found."""
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker" / "password").write_bytes(b"\xff\xfe")
    migrated(tmp_path)
    with only_instance(tmp_path):
        ended = doctor(tmp_path, "--json")
    said = json.loads(ended.stdout)
    found = {finding["name"]: finding for finding in said["findings"]}
    assert (ended.returncode, said["healthy"], found["broker"]["level"]) == (1, False, "wrong")
    assert found["broker"]["detail"].startswith("The check broker stumbled over what it found, and can't say how it is: UnicodeDecodeError: ")
    assert "report this line" in found["broker"]["remedy"]
    assert (found["records"]["level"], found["disk"]["level"]) == ("ok", "ok")
    assert {"processes", "api", "flower"} <= found.keys()


def test_a_home_that_leads_to_itself_is_a_finding(tmp_path: Path) -> None:
    """Its checks may stumble, the machine is examined all the same, and nothing ends in a traceback."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    ended = doctor(tmp_path / "loop", "--json")
    found = {finding["name"]: finding["level"] for finding in json.loads(ended.stdout)["findings"]}
    assert (ended.stderr, found["python"]) == ("", "ok")
    assert {"home", "records", "processes"} <= found.keys()


def test_a_work_area_that_no_job_needs_is_said_in_plain_words(tmp_path: Path) -> None:
    """Of a job that is over or was never recorded: named, with what it takes and who frees it; that of a job that goes on is not."""
    migrated(tmp_path)
    database = Database(Settings(home=tmp_path).database_location())
    with database.write() as tx:
        for job_id, state in (("job_on", "queued"), ("job_over", "succeeded")):
            now = utc_now()
            values = {"id": job_id, "workspace": "default", "owner": "local", "kind": "publish", "state": state, "resource_type": "dataset"}
            tx.execute(insert(jobs).values(**values, resource_id="dst_1", params={}, attempt=0, failures=0, created_at=now, queued_at=now))
    database.close()
    for job_id in ("job_on", "job_over", "job_unknown"):
        area = tmp_path / "objects" / "ws" / "default" / "work" / job_id / "a1"
        area.mkdir(parents=True)
        (area / "spill").write_bytes(b"x" * (1 << 20))
    (said,) = [finding for finding in examine(settings(tmp_path)) if "work areas" in finding.detail]
    assert (said.name, said.level) == ("leftovers", Level.NOTE)
    assert said.detail == "2 work areas of 2.0 MiB in objects/ws/ belong to no job that goes on: job_over, job_unknown."
    assert "reconciler frees them" in said.remedy


def test_a_running_product_is_examined_part_by_part(tmp_path: Path) -> None:
    """All is well; then Flower stands still, and then the broker: each is named, the exit code says so, and no password is shown."""
    home = tmp_path / "home"
    with running(home) as stack:
        ports = {"HEADWATER_API_PORT": stack.url.rsplit(":", 1)[1], "HEADWATER_FLOWER_PORT": stack.flower_url.rsplit(":", 1)[1]}
        well = doctor(home, **ports)
        assert well.returncode == 0, well.stdout
        stack.kill("flower", signal.SIGSTOP)
        stack.kill("broker", signal.SIGSTOP)
        ill = doctor(home, "--json", **ports)
        stack.kill("broker", signal.SIGCONT)
        stack.kill("flower", signal.SIGCONT)
        password = (home / "broker" / "password").read_text().strip()
        until(lambda: doctor(home, **ports).returncode == 0, timeout_s=30, what="all is well again")
    named = {finding["name"] for finding in json.loads(ill.stdout)["findings"] if finding["level"] == "wrong"}
    assert ill.returncode == 1
    assert named == {"broker", "api", "flower"}
    assert password not in well.stdout + ill.stdout


def settings(home: Path, **values: Any) -> Settings:
    """Return settings with ports that are free and a disk that is large enough."""
    return Settings(**{"home": home, "api_port": free_port(), "flower_port": free_port(), "min_free_bytes": 1, **values})


def wrongs(findings: list[Finding]) -> dict[str, str]:
    """Return what is wrong, by name."""
    return {finding.name: finding.detail for finding in findings if finding.level is Level.WRONG}


def doctor(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
    environment |= {"HEADWATER_HOME": str(home), "HEADWATER_MIN_FREE_BYTES": "1", **variables}
    command = (sys.executable, "-m", "headwater.doctor", *arguments)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


def migrated(home: Path) -> Path:
    """Make the records of a home and return their place."""
    database = Database(Settings(home=home).database_location())
    migrate(database)
    database.close()
    return home / "records.sqlite3"
