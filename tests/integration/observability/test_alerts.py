"""The alert rules, checked and evaluated by promtool."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from deploy.helm.alert_rules import PLAIN_RULES, chart_rules, default_thresholds, plain_rules
from reprise.observability.metrics import Metrics
from tests.support import unavailable

FOLDER = Path(__file__).parents[3] / "deploy" / "prometheus"
RUNBOOK = Path(__file__).parents[3] / "docs" / "operating" / "runbook.md"

#: Where the runbook is published: the site of mkdocs.yml and the page's path in it.
RUNBOOK_URL = "https://reprise-dedup.github.io/reprise/operating/runbook/"


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "rules.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def promtool(*arguments: str) -> None:
    """Run promtool; fail with its output if it fails."""
    if shutil.which("promtool") is None:
        unavailable("stack", "no promtool; on Debian it is in the package prometheus")
    done = subprocess.run(
        ["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_rules() -> None:
    """Its strictest linter finds nothing."""
    promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yaml")


def test_alerts_fire_in_the_cases_of_the_rules_test() -> None:
    """Evaluate the rules by promtool on the series of rules_test.yaml."""
    promtool("test", "rules", "rules_test.yaml")


def test_each_alert_has_cases_in_which_it_fires_and_is_silent() -> None:
    """No alert is untested."""
    tests = yaml.safe_load((FOLDER / "rules_test.yaml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    names = {rule["alert"] for rule in alerts()}
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == names


def test_the_rules_are_those_of_the_chart_with_default_thresholds() -> None:
    """`make chart` writes them. Each mark has a threshold, and each threshold is used."""
    assert PLAIN_RULES.read_text() == plain_rules()
    assert set(re.findall(r"<(\w+)>", chart_rules().partition("groups:")[2])) == set(default_thresholds())


def test_the_latency_bound_is_a_bucket() -> None:
    """Without its bucket, the ratio of slow articles would have no value, and the alerts would never fire."""
    registry = CollectorRegistry()
    Metrics(registry)
    (histogram,) = (each for each in registry.collect() if each.name == "reprise_end_to_end_seconds")
    bounds = {sample.labels["le"] for sample in histogram.samples if "le" in sample.labels}
    assert default_thresholds()["latencyBucket"] in bounds


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_each_alert_links_to_its_section_of_the_runbook(rule: dict[str, Any]) -> None:
    """Each also has a severity, a summary and a description."""
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    page, section = rule["annotations"]["runbook_url"].split("#")
    assert (page, section) == (RUNBOOK_URL, rule["alert"].lower())
    assert f"\n## {rule['alert']}\n" in RUNBOOK.read_text()
