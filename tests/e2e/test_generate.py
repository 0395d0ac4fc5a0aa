"""`reprise generate --topic` on a real Kafka: what arrives, how it ends, and what it says where it cannot begin."""

import json
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from reprise.model import Message
from tests.e2e.support_e2e import DELIVERY_SECONDS, READY_SECONDS, Place, open_place
from tests.support import free_port, reprise_command, wait_until, worker_environment

#: Seconds within which a topic that is not there is told of: the client alone waits for it for half a minute.
AT_ONCE_SECONDS = 20.0


@pytest.fixture
def place(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Place]:
    with open_place(kafka_bootstrap_servers, redis_url) as found:
        yield found


def command(*arguments: str) -> list[str]:
    return [*reprise_command(), "generate", "--words", "40", "--sites", "20", *arguments]


def generated(place: Place, *arguments: str, seconds: float = READY_SECONDS) -> "subprocess.CompletedProcess[str]":
    """Run it to its end."""
    environment = worker_environment(place.settings())
    return subprocess.run(
        command(*arguments), env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )


def test_a_topic_that_is_not_there_is_told_at_once(place: Place) -> None:
    """One line says which, and what makes it, with exit code 1; and nothing makes it on the way."""
    ended = generated(place, "--topic", place.topics.articles, seconds=AT_ONCE_SECONDS)
    assert ended.returncode == 1
    assert ended.stderr == f"reprise: no topic {place.topics.articles}; `reprise topics` creates what is missing\n"
    assert place.topics.articles not in place.admin.list_topics()


def test_a_broker_that_is_not_there_is_waited_for_and_told(place: Place) -> None:
    """It says what it waits for, and after the limit that it was in vain."""
    settings = place.settings(KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{free_port()}", STARTUP_TIMEOUT_SECONDS="1")
    ended = subprocess.run(
        command("--topic", place.topics.articles),
        env=worker_environment(settings),
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        check=False,
    )
    assert ended.returncode == 1
    assert "not ready within 1 s" in ended.stderr.splitlines()[-1]


def test_a_topic_gets_every_message_of_the_crawl(place: Place, tmp_path: Path) -> None:
    """As many as asked for, with the bytes a file gets; articles are keyed by id and broken messages by nothing."""
    place.create_topics()
    options = ["--count", "1500", "--broken", "0.1", "--seed", "4", "--kinds", "exact=1,revision=1"]
    for target in (["--topic", place.topics.articles], ["--output", str(tmp_path / "same.jsonl")]):
        ended = generated(place, *options, *target)
        assert ended.returncode == 0, ended.stderr
    found = place.read(place.topics.articles)
    assert [message.value for message in found] == (tmp_path / "same.jsonl").read_bytes().splitlines()
    keyed = [message for message in found if message.key is not None]
    assert 1200 < len(keyed) < 1450
    assert all(json.loads(message.value or b"")["id"].encode() == message.key for message in keyed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_endless_crawl_ends_at_a_signal_with_a_true_account(place: Place, number: signal.Signals) -> None:
    """What it says it sent is in the topic, no more and no less."""
    place.create_topics()
    arguments = command("--endless", "--rate", "500", "--topic", place.topics.articles)
    environment = worker_environment(place.settings())
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, env=environment) as process:
        wait_until(lambda: _sent(place) > 0, DELIVERY_SECONDS, "the first articles")
        process.send_signal(number)
        assert process.stderr is not None
        told = process.stderr.read().decode()
        assert process.wait(timeout=READY_SECONDS) == 0
    account = re.match(r"reprise: generated ([\d,]+) messages in ", told)
    assert account is not None, told
    assert int(account[1].replace(",", "")) == _sent(place)


def test_generators_of_other_seeds_fill_one_topic(place: Place) -> None:
    """Two at once share no id, so that a load may come from as many processes as it needs."""
    place.create_topics()
    running = [
        subprocess.Popen(
            command("--count", "400", "--seed", seed, "--topic", place.topics.articles),
            env=worker_environment(place.settings()),
        )
        for seed in ("1", "2")
    ]
    assert [process.wait(timeout=READY_SECONDS) for process in running] == [0, 0]
    assert _seeds(place.read(place.topics.articles)) == {"a1": 400, "a2": 400}


def _sent(place: Place) -> int:
    return sum(place.ends(place.topics.articles).values())


def _seeds(messages: Sequence[Message]) -> Counter[str]:
    """Count messages by the seed in their keys."""
    return Counter((message.key or b"").decode().split("-")[0] for message in messages)
