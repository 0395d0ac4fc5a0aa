"""`reprise run` as far as it gets without Kafka; whole runs are in tests/e2e."""

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

#: Nobody listens there.
AWAY = "redis://localhost:1"


def run(settings: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "reprise.cli", "run", *arguments],
        env=worker_environment(settings),
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )


def test_wrong_settings_are_told_all_at_once_and_nothing_starts() -> None:
    """Exit code 2, a line for each mistake on standard error, not a line of log."""
    ended = run({"REPRISE_HTTP_PORT": "x", "REPRISE_HTPP_PORT": "1", "REPRISE_REDIS_URL": "redis://:hunter2@h:x"})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert [line.split(": ")[:2] for line in ended.stderr.splitlines()] == [
        ["reprise", "REPRISE_HTPP_PORT"],
        ["reprise", "REPRISE_REDIS_URL"],
        ["reprise", "REPRISE_HTTP_PORT"],
    ]
    assert "hunter2" not in ended.stderr


@pytest.mark.parametrize("arguments", [("--warm-up", "tomorrow"), ("--learn-from", "g1")])
def test_a_wrong_warm_up_is_told_before_anything_starts(arguments: tuple[str, ...]) -> None:
    """Exit code 2 and one line that names the option."""
    ended = run({}, *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"reprise: {arguments[0]}: ")
    assert len(ended.stderr.splitlines()) == 1


def test_a_redis_that_stays_away_ends_the_start() -> None:
    """One line of log while it waits, then exit code 1 with the reason, after the limit that is a setting."""
    ended = run({"REPRISE_HTTP_PORT": "0", "REPRISE_REDIS_URL": AWAY, "REPRISE_STARTUP_TIMEOUT_SECONDS": "0.5"})
    assert ended.returncode == 1
    assert [json.loads(line)["event"] for line in ended.stdout.splitlines()] == ["starting", "waiting"]
    assert ended.stderr.startswith("reprise: redis at localhost:1: not ready within 0.5 s: ")
    assert len(ended.stderr.splitlines()) == 1


def test_a_port_in_use_is_told() -> None:
    """The line names the setting."""
    with socket.create_server(("", 0)) as taken:
        ended = run({"REPRISE_HTTP_PORT": str(taken.getsockname()[1]), "REPRISE_REDIS_URL": AWAY})
    assert ended.returncode == 1
    assert "(REPRISE_HTTP_PORT) cannot be served: Address already in use" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_waits_can_be_stopped(tmp_path: Path, number: signal.Signals) -> None:
    """While it waits it serves metrics and is unready; a signal ends it with exit code 0."""
    with running_worker({"REPRISE_REDIS_URL": AWAY}, tmp_path / "log") as worker:
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
