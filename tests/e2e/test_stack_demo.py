"""Test the demo as a user runs it, on the servers of this test run."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from deploy.local.stack import Stack, run_child, wait_until
from tests.support import REPOSITORY, worker_environment

#: seconds that the demo may take on running servers
_MAX_SECONDS = 90


def _demo(*options: str) -> list[str]:
    return [sys.executable, "-m", "deploy.local.demo", *options]


def _environment(stack: Stack) -> dict[str, str]:
    assert stack.kafka is not None
    assert stack.redis is not None
    return worker_environment(
        {"REPRISE_KAFKA_BOOTSTRAP_SERVERS": stack.kafka.address, "REPRISE_REDIS_URL": stack.redis.address}
    )


def _demo_topics(stack: Stack) -> list[str]:
    assert stack.kafka is not None
    admin = KafkaAdminClient(bootstrap_servers=stack.kafka.address)
    names = [name for name in admin.list_topics() if name.startswith("reprise-demo-")]
    admin.close()
    return names


def test_the_demo_counts_every_message_and_deletes_its_topics(stack: Stack) -> None:
    """On external servers it ends with exit code 0, an outcome for each article, and its topics deleted."""
    done = subprocess.run(
        _demo("--rate", "100", "--articles", "300"),
        cwd=REPOSITORY,
        env=_environment(stack),
        capture_output=True,
        text=True,
        timeout=_MAX_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = dict(re.findall(r"^(articles|stories|variants|dead letters) +([0-9,]+)", done.stdout, re.MULTILINE))
    articles, stories, variants, dead = (
        int(counts[name]) for name in ("articles", "stories", "variants", "dead letters")
    )
    assert stories + variants + dead == articles > 300
    assert "/metrics" in done.stdout
    wait_until(lambda: not _demo_topics(stack), 20, "deletion of the demo's topics")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_stops_the_worker_and_deletes_its_topics(
    number: signal.Signals, stack: Stack, tmp_path: Path
) -> None:
    """After a signal the demo stops the worker and deletes the topics before it ends."""
    log = tmp_path / "demo.log"
    with run_child(
        _demo("--rate", "1"), log, environment={**_environment(stack), "PYTHONPATH": str(REPOSITORY)}
    ) as demo:
        worker = int(wait_until(lambda: re.findall(r"worker: pid (\d+)", log.read_text()), 60, "the worker")[0])
        os.kill(worker, 0)
        demo.send_signal(number)
        assert demo.wait(timeout=40) == 128 + number
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    wait_until(lambda: not _demo_topics(stack), 20, "deletion of the demo's topics")


def test_the_embedded_demo_runs_from_files(tmp_path: Path) -> None:
    """Without servers it replays files, prints that the stack is embedded, and counts an outcome for each article."""
    environment = {**worker_environment({}), "STACK": "embedded"}
    done = subprocess.run(
        _demo("--articles", "100"),
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stack: embedded" in done.stdout
    assert re.search(r"^articles +199$", done.stdout, re.MULTILINE)
    assert re.search(r"^dead letters +10 ", done.stdout, re.MULTILINE)
