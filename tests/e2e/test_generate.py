"""`reprise generate --topic` with a real Kafka: the produced messages, the end, and errors at the start."""

import json
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from reprise.model import Message
from tests.e2e.sandbox import Sandbox, open_sandbox
from tests.e2e.worker_state import DELIVERY_SECONDS, READY_SECONDS
from tests.support import free_port, reprise_command, wait_until, worker_environment

#: Maximum seconds until a missing topic is reported. The Kafka client waits for the topic for half a minute.
MISSING_TOPIC_SECONDS = 20.0


@pytest.fixture
def sandbox(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Sandbox]:
    with open_sandbox(kafka_bootstrap_servers, redis_url, partitions=None) as sandbox:
        yield sandbox


def command(*arguments: str) -> list[str]:
    return [*reprise_command(), "generate", "--words", "40", "--sites", "20", *arguments]


def run_generate(
    sandbox: Sandbox, *arguments: str, seconds: float = READY_SECONDS
) -> "subprocess.CompletedProcess[str]":
    """Run the command until it ends."""
    environment = worker_environment(sandbox.settings())
    return subprocess.run(
        command(*arguments), env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )


def test_a_missing_topic_is_an_error(sandbox: Sandbox) -> None:
    """Exit code 1 and a line with the topic and the command that creates it. The topic is not created."""
    run = run_generate(sandbox, "--topic", sandbox.topics.articles, seconds=MISSING_TOPIC_SECONDS)
    assert run.returncode == 1
    assert run.stderr == f"reprise: no topic {sandbox.topics.articles}; `reprise topics` creates what is missing\n"
    assert sandbox.topics.articles not in sandbox.admin.list_topics()


def test_an_unreachable_broker_is_an_error_after_the_timeout(sandbox: Sandbox) -> None:
    """The command waits for the broker, then ends with exit code 1 and the timeout."""
    settings = sandbox.settings(KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{free_port()}", STARTUP_TIMEOUT_SECONDS="1")
    run = subprocess.run(
        command("--topic", sandbox.topics.articles),
        env=worker_environment(settings),
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        check=False,
    )
    assert run.returncode == 1
    assert "not ready within 1 s" in run.stderr.splitlines()[-1]


def test_a_topic_gets_every_message_of_the_crawl(sandbox: Sandbox, tmp_path: Path) -> None:
    """The topic gets the same values as a file. Articles have their id as key, malformed messages have no key."""
    sandbox.create_topics()
    options = ["--count", "1500", "--broken", "0.1", "--seed", "4", "--kinds", "exact=1,revision=1"]
    for target in (["--topic", sandbox.topics.articles], ["--output", str(tmp_path / "same.jsonl")]):
        run = run_generate(sandbox, *options, *target)
        assert run.returncode == 0, run.stderr
    messages = sandbox.read(sandbox.topics.articles)
    assert [message.value for message in messages] == (tmp_path / "same.jsonl").read_bytes().splitlines()
    keyed = [message for message in messages if message.key is not None]
    assert 1200 < len(keyed) < 1450
    assert all(json.loads(message.value or b"")["id"].encode() == message.key for message in keyed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_endless_crawl_counts_its_messages_at_a_signal(sandbox: Sandbox, number: signal.Signals) -> None:
    """The number in the last line equals the number of messages in the topic."""
    sandbox.create_topics()
    arguments = command("--endless", "--rate", "500", "--topic", sandbox.topics.articles)
    environment = worker_environment(sandbox.settings())
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, env=environment) as process:
        wait_until(lambda: _message_count(sandbox) > 0, DELIVERY_SECONDS, "the first articles")
        process.send_signal(number)
        assert process.stderr is not None
        output = process.stderr.read().decode()
        assert process.wait(timeout=READY_SECONDS) == 0
    summary = re.match(r"reprise: generated ([\d,]+) messages in ", output)
    assert summary is not None, output
    assert int(summary[1].replace(",", "")) == _message_count(sandbox)


def test_generators_with_different_seeds_share_a_topic(sandbox: Sandbox) -> None:
    """Two generators have no common id, so that several processes can produce one load."""
    sandbox.create_topics()
    running = [
        subprocess.Popen(
            command("--count", "400", "--seed", seed, "--topic", sandbox.topics.articles),
            env=worker_environment(sandbox.settings()),
        )
        for seed in ("1", "2")
    ]
    assert [process.wait(timeout=READY_SECONDS) for process in running] == [0, 0]
    assert _seeds(sandbox.read(sandbox.topics.articles)) == {"a1": 400, "a2": 400}


def _message_count(sandbox: Sandbox) -> int:
    return sum(sandbox.end_offsets(sandbox.topics.articles).values())


def _seeds(messages: Sequence[Message]) -> Counter[str]:
    """Return the number of messages by the seed in their keys."""
    return Counter((message.key or b"").decode().split("-")[0] for message in messages)
