"""Every operation of the contract against the running product, with requests that fit it, that break it, and that follow from one another."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import SEED, Measured
from tests.contract.compare import METHODS
from tests.contract.test_served import CONTRACT
from tests.stack import Stack, running

HERE = Path(__file__).resolve().parent
OPERATIONS = {
    f"{method.upper()} {path}": set(item[method]["responses"]) for path, item in CONTRACT["paths"].items() for method in METHODS if method in item
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A product of its own, since nothing in it is safe from these requests; the table that the contract's examples speak of is there."""
    with running(tmp_path_factory.mktemp("running") / "home") as stack:
        upload = stack.upload_bytes(b"order_id,country\n1,NO\n2,NA\n3\n", "orders.csv")
        assert stack.profile(upload["id"])["state"] == "succeeded"
        for name in ("orders", "returns"):
            assert stack.publish(upload["id"], name, max_reject_ratio=0.5)["state"] == "succeeded"
        yield stack


def test_every_documented_refusal_is_expected() -> None:
    """Which refusal comes depends on what is there: any that the contract documents may answer what fits its schemas, and what breaks them."""
    documented = {int(status) for statuses in OPERATIONS.values() for status in statuses if status.startswith("4")}
    checks = tomllib.loads((HERE / "schemathesis.toml").read_text("utf-8"))["checks"]
    assert documented | {"2xx", "3xx"} == set(checks["positive_data_acceptance"]["expected-statuses"])
    assert documented | {405} == set(checks["negative_data_rejection"]["expected-statuses"])


@pytest.mark.timeout(600)
def test_every_operation_keeps_the_contract(stack: Stack, tmp_path: Path, measured: Measured) -> None:
    """No answer with 5xx, none with an undocumented status, word, header or body, whatever is sent and in whatever order; the same in every run."""
    measured(**ask(stack, tmp_path, examples=3, seed=os.environ.get("HEADWATER_SEED", "headwater")))


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_every_operation_keeps_the_contract_for_long(stack: Stack, tmp_path: Path, measured: Measured) -> None:
    """The same with fifty examples of each, others in each run."""
    measured(**ask(stack, tmp_path, examples=50, seed=SEED))


def ask(stack: Stack, folder: Path, *, examples: int, seed: str) -> dict[str, int]:
    """Let schemathesis ask, and hold its report to nothing found."""
    document, report = folder / "openapi.yaml", folder / "report.ndjson"
    document.write_text(yaml.safe_dump(with_event_schemas(CONTRACT), sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run", str(document), "--url", stack.url]
    command += ["--seed", str(random.Random(seed).randrange(2**31)), "--max-examples", str(examples), "--no-color"]
    command += ["--report", "ndjson", "--report-ndjson-path", str(report)]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "schemathesis_hooks.py")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    asked, statuses = answers(report)
    assert done.returncode == 0, f"HEADWATER_SEED={seed}\n{done.stdout[-20_000:]}{done.stderr}"
    assert set(OPERATIONS) <= set(asked)
    undocumented = [key for key in statuses if key[0] in OPERATIONS and str(key[1]) not in OPERATIONS[key[0]] | {"405"}]
    assert undocumented == []
    failed = sum(number for (_, status), number in statuses.items() if status >= 500)
    return {"operations": len(OPERATIONS), "requests": asked.total(), "undocumented": len(undocumented), "server_errors": failed}


def with_event_schemas(contract: dict[str, Any]) -> dict[str, Any]:
    """Return the contract with the schema of each server-sent event, which OpenAPI 3.1 has no word for."""
    copy: dict[str, Any] = json.loads(json.dumps(contract))
    for item in copy["paths"].values():
        for media in item.get("get", {}).get("responses", {}).get("200", {}).get("content", {}).items():
            if media[0] == "text/event-stream":
                del media[1]["schema"]
                media[1]["itemSchema"] = {
                    "type": "object",
                    "required": ["id", "event", "data"],
                    "properties": {"id": {"type": "string"}, "event": {"enum": ["job", "query"]}, "data": {"type": "string"}},
                }
    return copy


def answers(report: Path) -> tuple[Counter[str], Counter[tuple[str, int]]]:
    """Count the requests of each operation, and of each status."""
    asked: Counter[str] = Counter()
    statuses: Counter[tuple[str, int]] = Counter()
    for line in report.read_text("utf-8").splitlines():
        finished = json.loads(line).get("ScenarioFinished")
        recorder = (finished or {}).get("recorder") or {}
        for key, interaction in recorder.get("interactions", {}).items():
            case = recorder["cases"][key]["value"]
            label = f"{case['method']} {case['path']}"
            asked[label] += 1
            if interaction["response"]:
                statuses[label, interaction["response"]["status_code"]] += 1
    return asked, statuses
