"""Flower beyond loopback: refused without a password, and with one it asks for it and shows it to nobody."""

from __future__ import annotations

from pathlib import Path

import httpx
import psutil
import pytest

from headwater.errors import CannotStart
from headwater.flower import require_safe_flower
from services.shared.settings import Settings
from tests.headwater.test_up import up
from tests.stack import FAST, running

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what is refused
SECRET = "kingfisher-of-the-pond"  # noqa: S105 - to look for


def test_beyond_loopback_it_needs_leave_and_a_password(tmp_path: Path) -> None:
    """Each refusal names the setting that is missing; nothing has started, and no password is repeated."""
    open_door = up(tmp_path, HEADWATER_FLOWER_HOST=EVERYWHERE)
    no_password = up(tmp_path, HEADWATER_FLOWER_HOST=EVERYWHERE, HEADWATER_ALLOW_NETWORK="1")
    malformed = up(tmp_path, HEADWATER_FLOWER_BASIC_AUTH=SECRET)
    assert [open_door.returncode, no_password.returncode, malformed.returncode] == [2, 2, 2]
    assert "HEADWATER_ALLOW_NETWORK" in open_door.stderr
    assert "HEADWATER_FLOWER_BASIC_AUTH" in no_password.stderr
    assert "user:password" in malformed.stderr
    assert SECRET not in malformed.stderr + malformed.stdout
    assert not (tmp_path / "broker").exists()


@pytest.mark.parametrize("auth", ["", ":", "user:", ":word", "user", "a:b,c:d"])
def test_a_password_that_is_none_is_refused(tmp_path: Path, auth: str) -> None:
    """An empty half is no secret, and a comma would be two."""
    with pytest.raises(CannotStart, match="user:password"):
        require_safe_flower(Settings(home=tmp_path, flower_basic_auth=auth))


def test_no_secret_is_in_a_log_or_on_a_command_line(tmp_path: Path) -> None:
    """A stack with every door shut: the passwords of the broker and of Flower, and what clients send to prove who they are, are written nowhere."""
    home = tmp_path / "home"
    doors = {"HEADWATER_FLOWER_HOST": EVERYWHERE, "HEADWATER_ALLOW_NETWORK": "1", "HEADWATER_FLOWER_BASIC_AUTH": f"ops:{SECRET}"}
    with running(home, HEADWATER_LOG_LEVEL="DEBUG", **doors, **FAST) as stack:
        with httpx.Client(base_url=stack.flower_url, trust_env=False) as client:
            answers = [client.get("/api/workers", auth=auth).status_code for auth in (None, ("ops", "guessed-password"), ("ops", SECRET))]
            assert answers == [401, 401, 200]
            assert client.post("/api/worker/shutdown/x@y", auth=("ops", SECRET)).status_code in (403, 405)
        token = {"Authorization": "Bearer swallow-of-the-barn", "Cookie": "session=heron-of-the-reed"}
        upload = stack.http.post("/v1/uploads", params={"filename": "a.csv"}, content=b"a\n1\n", headers=token).json()["id"]
        stack.profile(upload)
        assert stack.http.get("/no/such", headers=token).status_code == 404
        assert stack.query("SELECT 1")["state"] == "succeeded"
        broker = (home / "broker" / "password").read_text().strip()
        lines = [" ".join(child.cmdline()) for child in psutil.Process(stack.process.pid).children(recursive=True)]
    secrets = (SECRET, broker, "swallow-of-the-barn", "heron-of-the-reed", "guessed-password")
    logs = {path.name: path.read_text(errors="replace") for path in [*(home / "logs").iterdir(), stack.log]}
    assert {"api.log", "flower.log", "query.log", "worker-profile.log", "home.log"} <= logs.keys()
    for name, text in logs.items():
        assert not [secret for secret in secrets if secret in text], name
    assert not [line for line in lines if SECRET in line or broker in line]


def test_a_stop_is_quiet(tmp_path: Path) -> None:
    """Celery's words to a person at its own terminal, and its warning to root, are not among the lines."""
    with running(tmp_path / "home", **FAST) as stack:
        assert stack.query("SELECT 1")["state"] == "succeeded"
    text = "".join(path.read_text() for path in (tmp_path / "home" / "logs").iterdir())
    for noise in ("superuser", "Ctrl+C again", "shutdown (MainProcess)", "Initiating Soft Shutdown"):
        assert noise not in text
