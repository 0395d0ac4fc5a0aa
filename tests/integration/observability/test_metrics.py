"""The exposition of the worker's metrics, checked by Prometheus's own tool."""

import os
import shutil
import subprocess

import pytest
from prometheus_client import CollectorRegistry

from reprise.observability.metrics import Metrics
from tests.unit.observability.test_metrics import exposition


def test_promtool_accepts_the_exposition() -> None:
    """Prometheus's own linter finds nothing to say."""
    promtool = shutil.which("promtool")
    if promtool is None:
        if os.environ.get("REPRISE_TEST_REQUIRE"):
            pytest.fail("promtool is missing (Debian's package prometheus has it), and REPRISE_TEST_REQUIRE is set")
        pytest.skip("promtool is missing (Debian's package prometheus has it)")
    registry = CollectorRegistry()
    linted = subprocess.run(
        [promtool, "check", "metrics"],
        input=exposition(registry, Metrics(registry)),
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert (linted.returncode, linted.stdout + linted.stderr) == (0, "")
