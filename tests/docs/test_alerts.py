"""The dashboard and the alert rules use figures that are served, and each alert says what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "ops" / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
PANELS: list[dict[str, Any]] = json.loads((ROOT / "ops" / "grafana" / "headwater.json").read_text())["panels"]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [target["expr"] for panel in PANELS for target in panel["targets"]]
SERVED = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in re.findall(r"^\| `(headwater_\w+)` \|([^|]*)\|", PAGE, re.MULTILINE)}
OF_PROMETHEUS = {"le", "job"}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_is_promql_over_what_is_served(expression: str) -> None:
    """It parses, and its metrics and labels are in the table of figures, which another test holds to what is served."""
    promql_parser.parse(expression)
    names = {name.removesuffix("_bucket") for name in re.findall(r"\bheadwater_\w+", expression)}
    known = set().union(OF_PROMETHEUS, *(SERVED[name] for name in names))
    grouped = [label.strip() for group in re.findall(r"\bby \(([^)]*)\)", expression) for label in group.split(",")]
    assert names or expression.startswith("up{")
    assert {*re.findall(r"(\w+)(?:=~|!~|!=|=)\"", expression), *grouped} <= known


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """A summary, a description, and a section of the page at the runbook's anchor."""
    assert {"summary", "description", "runbook"} <= rule["annotations"].keys()
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = {heading.lower(): text for heading, text in re.findall(r"^### (\w+)\n\n(.+)$", PAGE, re.MULTILINE)}
    assert (ROOT / page).is_file()
    assert headings[anchor].startswith(rule["annotations"]["description"])
    assert len(headings[anchor]) > len(rule["annotations"]["description"]) + 20


def test_no_alert_is_documented_that_is_not_there() -> None:
    """The page's sections are the rules'."""
    section = PAGE.split("## Alerts\n")[1].split("\n## ")[0]
    assert re.findall(r"^### (\w+)", section, re.MULTILINE) == [rule["alert"] for rule in RULES]


def test_the_example_scrapes_the_api_and_loads_the_rules() -> None:
    """It names the rules' file and the default port."""
    example = yaml.safe_load((ROOT / "ops" / "prometheus" / "prometheus.yml").read_text())
    assert [(ROOT / "ops" / "prometheus" / name).is_file() for name in example["rule_files"]] == [True]
    assert example["scrape_configs"][0]["static_configs"][0]["targets"] == ["127.0.0.1:8000"]
    assert example["scrape_configs"][0]["job_name"] == "headwater"


@pytest.mark.parametrize("way", ["authorization", "oauth2"])
def test_the_example_can_bring_a_token(way: str) -> None:
    """Each commented block, taken in, is YAML of the scrape, keeps its secret in a file, and asks for what sign-in's example expects."""
    text = (ROOT / "ops" / "prometheus" / "prometheus.yml").read_text()
    block = re.search(rf"^    # {way}:\n(?:    #   .*\n)+", text, re.MULTILINE)
    assert block is not None
    taken = text.replace(block.group(), block.group().replace("    # ", "    "))
    (scrape,) = yaml.safe_load(taken)["scrape_configs"]
    match way:
        case "authorization":
            assert scrape[way] == {"type": "Bearer", "credentials_file": "headwater.token"}
        case _:
            assert {"client_id", "client_secret_file", "token_url"} <= scrape[way].keys()
            assert f"HEADWATER_OIDC_AUDIENCE={scrape[way]['endpoint_params']['audience']} " in PAGE
