"""What runs: the supervisor, its processes, their ports, and whether they answer."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis

from headwater.doctor.finding import Finding, note, ok, wrong
from headwater.doctor.port_owner import find_owner
from headwater.instance import find_facts, find_holder, run_folder_of
from headwater.ports import is_free
from services.shared.settings import Settings

_ANSWER_S = 3.0
PROCESSES = ("broker", "api", "worker-profile", "worker-publish", "query", "housekeeping", "beat", "flower")
_BROKER_WANTS = {"appendonly": "yes", "maxmemory-policy": "noeviction"}
_OLDEST_BROKER = (6, 2)


@dataclass(frozen=True)
class Living:
    """What the home says of the Headwater that runs on it; `facts` is None until everything answers."""

    home: Path
    pid: int
    facts: Mapping[str, Any] | None


def find_living(settings: Settings) -> Living | None:
    """Return the Headwater that runs on the home, or None."""
    home = settings.home.resolve()
    pid = find_holder(home)
    return None if pid is None else Living(home, pid, find_facts(home))


def check_processes(settings: Settings, living: Living | None) -> Iterator[Finding]:
    """See that the supervisor runs, and under it each process."""
    if living is None:
        yield note("processes", f"Headwater does not run on {settings.home.resolve()}.", "`make up` starts it.")
        return
    expected = [name for name in PROCESSES if name != "broker" or settings.redis_url is None or (living.home / "broker").exists()]
    down = [name for name in expected if not is_up(run_folder_of(living.home) / f"{name}.pid")]
    if down:
        yield wrong(
            "processes", f"These do not run: {', '.join(down)}.", f"`make up` starts them again; the end of logs/{down[0]}.log says why they ended."
        )
    elif living.facts is None:
        yield note(
            "processes", f"Headwater is starting (process {living.pid}).", "Wait until everything answers; logs/headwater.log tells what does."
        )
    else:
        yield ok("processes", f"Headwater runs (process {living.pid}) with its {len(expected)} processes.")


def check_ports(settings: Settings, living: Living | None) -> Iterator[Finding]:
    """See that the ports are free, or ours."""
    if living is not None:
        return
    wanted = {"HEADWATER_API_PORT": settings.api_port, "HEADWATER_FLOWER_PORT": settings.flower_port}
    if settings.redis_url is None and settings.redis_port is not None:
        wanted["HEADWATER_REDIS_PORT"] = settings.redis_port
    if len(set(wanted.values())) < len(wanted):
        yield wrong("ports", f"{' and '.join(wanted)} name the same port.", "Give each its own.")
    taken = {
        name: port for name, port in wanted.items() if not is_free(port, host=settings.api_host if name == "HEADWATER_API_PORT" else "127.0.0.1")
    }
    for name, port in taken.items():
        yield wrong("ports", f"Port {port} is held by {find_owner(port)}.", f"End that process, or set {name} to another port.")
    if not taken:
        yield ok("ports", f"The ports {', '.join(map(str, wanted.values()))} are free.")


def check_broker(settings: Settings, living: Living | None) -> Iterator[Finding]:
    """Ask the broker who it is, and whether it keeps what it is given."""
    url = settings.redis_url or _own_broker(living)
    if url is None:
        yield note("broker", "The broker runs with Headwater, which does not run.", "`make up` starts it.")
        return
    client = redis.Redis.from_url(url, socket_timeout=_ANSWER_S, socket_connect_timeout=_ANSWER_S, retry=None)
    where = f"{urlsplit(url).hostname}:{urlsplit(url).port}"
    try:
        yield from _ask_broker(client, where)
    except redis.RedisError as error:
        yield wrong(
            "broker",
            f"The broker at {where} does not answer ({type(error).__name__}).",
            "See logs/broker.log; with a broker of your own, see HEADWATER_REDIS_URL.",
        )
    finally:
        client.close()


def check_answers(settings: Settings, living: Living | None) -> Iterator[Finding]:
    """Ask the api whether it is ready, and Flower whether it is there."""
    if living is None:
        return
    facts = living.facts or {}
    status, body = _get(str(facts.get("api_url", f"http://127.0.0.1:{settings.api_port}")), "/readyz")
    if status is None:
        yield wrong("api", "The api does not answer.", "See logs/api.log.")
    else:
        yield from _read_readiness(status, body)
    status, _ = _get(str(facts.get("flower_url", f"http://127.0.0.1:{settings.flower_port}")), "/healthcheck")
    if status == http.HTTPStatus.OK:
        yield ok("flower", "Flower answers.")
    else:
        yield wrong("flower", "Flower does not answer; nothing else needs it.", "See logs/flower.log.")


def is_up(pid_file: Path) -> bool:
    """Whether the process lives whose id is in a file, whoever it belongs to."""
    try:
        os.kill(int(pid_file.read_text()), 0)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True


def _read_readiness(status: int, body: bytes) -> Iterator[Finding]:
    try:
        said = json.loads(body)
        failed = [check["name"] for check in said.get("checks", []) if check["status"] != "ok"]
    except (ValueError, KeyError, AttributeError):
        yield wrong("api", f"The api answers {status} with something that is not its own.", "Is another program on HEADWATER_API_PORT?")
        return
    if status == http.HTTPStatus.OK and not failed:
        yield ok("api", "The api is ready.")
    else:
        yield wrong("api", f"The api is not quite ready: {', '.join(failed) or said.get('detail', status)}.", "The finding of that name says more.")


def _ask_broker(client: redis.Redis, where: str) -> Iterator[Finding]:
    server: dict[str, Any] = client.info("server")
    version = str(server.get("valkey_version") or server.get("redis_version", "0"))
    if tuple(map(int, version.split(".")[:2])) < _OLDEST_BROKER:
        yield wrong("broker", f"The broker at {where} is of version {version}.", "Headwater needs 6.2 or later.")
    try:
        has: dict[str, str] = client.config_get(*_BROKER_WANTS)  # type: ignore[assignment]
    except redis.ResponseError:
        yield note(
            "broker",
            f"The broker at {where} (version {version}) does not show its configuration.",
            "It should have appendonly yes and maxmemory-policy noeviction.",
        )
        return
    wanting = [f"{name} is {has.get(name, 'unknown')} instead of {value}" for name, value in _BROKER_WANTS.items() if has.get(name) != value]
    if wanting:
        yield wrong(
            "broker",
            f"The broker at {where}: {'; '.join(wanting)}.",
            "Change its configuration: evicted or forgotten messages are only sent again after a while.",
        )
    else:
        yield ok("broker", f"The broker at {where} answers, is of version {version}, and keeps its messages.")


def _own_broker(living: Living | None) -> str | None:
    if living is None:
        return None
    try:
        password = (living.home / "broker" / "password").read_text().strip()
        configuration = (living.home / "broker" / "broker.conf").read_text().split("\n")
    except OSError:
        return None
    ports = [line.split()[1] for line in configuration if line.startswith("port ")]
    return f"redis://:{password}@127.0.0.1:{ports[0]}/0" if ports else None


def _get(url: str, path: str) -> tuple[int | None, bytes]:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=_ANSWER_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return None, b""
    finally:
        connection.close()
