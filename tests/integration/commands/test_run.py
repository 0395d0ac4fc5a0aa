"""`reprise run` without Redis and Kafka; tests/e2e has complete runs."""

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from deploy.local.stack import wait_until
from tests.support import running_worker, worker_environment

#: No server listens on this port.
UNREACHABLE = "redis://localhost:1"


def run(settings: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "reprise.cli", "run", *arguments],
        env=worker_environment(settings),
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )


def test_invalid_settings_are_reported_together() -> None:
    """The exit code is 2, standard error has a line per error, and nothing is logged."""
    ended = run({"REPRISE_HTTP_PORT": "x", "REPRISE_HTPP_PORT": "1", "REPRISE_REDIS_URL": "redis://:hunter2@h:x"})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert [line.split(": ")[:2] for line in ended.stderr.splitlines()] == [
        ["reprise", "REPRISE_HTPP_PORT"],
        ["reprise", "REPRISE_REDIS_URL"],
        ["reprise", "REPRISE_HTTP_PORT"],
    ]
    assert "hunter2" not in ended.stderr


@pytest.mark.parametrize("arguments", [("--warm-up", "tomorrow"), ("--learn-from", "g1")])
def test_an_invalid_warm_up_is_wrong_usage(arguments: tuple[str, ...]) -> None:
    """The exit code is 2, and one line names the option."""
    ended = run({}, *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"reprise: {arguments[0]}: ")
    assert len(ended.stderr.splitlines()) == 1


def test_an_unreachable_redis_ends_the_start() -> None:
    """The wait is logged once; after REPRISE_STARTUP_TIMEOUT_SECONDS the worker exits with 1 and the reason."""
    ended = run({"REPRISE_HTTP_PORT": "0", "REPRISE_REDIS_URL": UNREACHABLE, "REPRISE_STARTUP_TIMEOUT_SECONDS": "0.5"})
    assert ended.returncode == 1
    assert [json.loads(line)["event"] for line in ended.stdout.splitlines()] == ["starting", "waiting"]
    assert ended.stderr.startswith("reprise: redis at localhost:1: not ready within 0.5 s: ")
    assert len(ended.stderr.splitlines()) == 1


def test_a_port_in_use_is_reported() -> None:
    """The error line names the setting."""
    with socket.create_server(("", 0)) as server:
        ended = run({"REPRISE_HTTP_PORT": str(server.getsockname()[1]), "REPRISE_REDIS_URL": UNREACHABLE})
    assert ended.returncode == 1
    assert "(REPRISE_HTTP_PORT) cannot be served: Address already in use" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_waiting_worker_stops_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    """While it waits for Redis, a worker serves metrics and is not ready; a signal ends it with exit code 0."""
    with running_worker({"REPRISE_REDIS_URL": UNREACHABLE}, tmp_path / "log") as worker:
        wait_until(lambda: "waiting" in worker.output(), 30, "the wait to begin")
        assert (
            b'reprise_dependency_up{dependency="redis"} 0.0' in urllib.request.urlopen(f"{worker.http}/metrics").read()
        )
        for path in ("livez", "readyz"):
            with pytest.raises(urllib.error.HTTPError, match="503"):
                urllib.request.urlopen(f"{worker.http}/{path}")
        worker.process.send_signal(number)
        assert worker.process.wait(timeout=30) == 0
        assert json.loads(worker.output().splitlines()[-1])["event"] == "stopped"
