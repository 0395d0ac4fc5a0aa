"""The alert rules, checked and run by Prometheus's own tool."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import unavailable

FOLDER = Path(__file__).parents[3] / "deploy" / "prometheus"
RUNBOOK = Path(__file__).parents[3] / "docs" / "operating" / "runbook.md"


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "rules.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def promtool(*arguments: str) -> None:
    """Run promtool, and fail with what it says."""
    if shutil.which("promtool") is None:
        unavailable("stack", "no promtool; on Debian it is in the package prometheus")
    done = subprocess.run(
        ["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_are_prometheus_rules() -> None:
    """Promtool finds nothing wrong, not even by its linter."""
    promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yaml")


def test_each_alert_fires_and_stays_silent() -> None:
    """Promtool runs the series of rules_test.yaml against the rules."""
    promtool("test", "rules", "rules_test.yaml")


def test_each_alert_has_a_case_in_which_it_fires() -> None:
    """An alert without a test is found here."""
    tests = yaml.safe_load((FOLDER / "rules_test.yaml").read_text())["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert fired == {rule["alert"] for rule in alerts()}


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_each_alert_tells_what_to_do(rule: dict[str, Any]) -> None:
    """Severity, summary, description, and a link to a section of the runbook that exists."""
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    page, section = rule["annotations"]["runbook_url"].split("#")
    assert (page, section) == ("docs/runbook.md", rule["alert"].lower())
    assert f"\n### {rule['alert']}\n" in RUNBOOK.read_text()
