"""`reprise dead` on a real Kafka: dead letters are listed, and go back to where they came from, each once."""

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reprise.messages.dead_letters import dead_letter_record, notice_record
from reprise.model import DeadLetterReason, Message, Rejection
from tests.e2e.support_e2e import DELIVERY_SECONDS, Place, Raw, article, open_place, wait_delivered, wait_ready
from tests.support import reprise_command, running_worker, wait_until, worker_environment

#: Seconds for one run of the command, the start of the interpreter included.
COMMAND_SECONDS = 60.0

#: Where the messages of the letters were; two partitions.
LETTERS = 7


@pytest.fixture
def place(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Place]:
    with open_place(kafka_bootstrap_servers, redis_url) as found:
        found.create_topics(partitions=2)
        yield found


def dead(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `reprise dead` with the place's settings."""
    return subprocess.run(
        [*reprise_command(), "dead", *arguments],
        env=worker_environment(place.settings()),
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


def put_letters(place: Place) -> list[Message]:
    """Write letters as a worker would: seven with their message, of two reasons, and a notice."""
    originals = [
        Message(
            topic=place.topics.articles,
            partition=number % 2,
            offset=number,
            key=b"key-%d" % number,
            value=b"not an article %d" % number,
            headers=(("traceparent", b"00-%d" % number),),
        )
        for number in range(LETTERS)
    ]
    records = [
        dead_letter_record(
            place.topics.dead,
            each,
            Rejection(reason=DeadLetterReason.NOT_JSON if each.offset else DeadLetterReason.NO_TEXT, detail="why"),
            1.7e9,
        )
        for each in originals
    ]
    records.append(
        notice_record(
            place.topics.dead,
            originals[0],
            Rejection(reason=DeadLetterReason.MESSAGE_TOO_LARGE, detail="too large"),
            1.7e9,
        )
    )
    for record in records:
        value = b"" if record.key is None else record.value
        place.producer.send(record.topic, key=record.key, value=value, headers=list(record.headers))
    place.producer.flush()
    return originals


def came_back(place: Place) -> list[Message]:
    """Give what is in the articles' topic, in the order of the originals' offsets."""
    return sorted(place.read(place.topics.articles), key=lambda message: message.key or b"")


def test_list_says_what_is_there(place: Place) -> None:
    """A line a letter with reason and place of origin, the sum on standard error, and --reason chooses."""
    put_letters(place)
    every = dead(place, "list")
    assert every.returncode == 0, every.stderr
    lines = every.stdout.splitlines()
    assert len(lines) == LETTERS + 1
    assert f"{place.topics.dead}-0@0  no_text  2023-11-14T22:13:20.000Z  from {place.topics.articles}-0@0" in lines[0]
    assert "dead letters: 8 (1 message_too_large, 1 no_text, 6 not_json)" in every.stderr
    some = dead(place, "list", "--reason", "no_text", "--json")
    (letter,) = map(json.loads, some.stdout.splitlines())
    assert letter["origin"] == {"topic": place.topics.articles, "partition": 0, "offset": 0}
    assert (letter["reason"], letter["attempts"], letter["redriven"]) == ("no_text", 0, False)


def test_redrive_sends_each_letter_back_once(place: Place) -> None:
    """Key, bytes, headers and partition are the original's, the attempt is counted; a second redrive sends nothing."""
    originals = put_letters(place)
    dry = dead(place, "redrive", "--dry-run")
    assert "would be redriven: 7" in dry.stderr
    assert came_back(place) == []
    first = dead(place, "redrive", "--reason", "not_json")
    assert first.returncode == 0, first.stderr
    assert "redriven: 6 (6 not_json)" in first.stderr
    rest = dead(place, "redrive")
    assert "redriven: 1 (1 no_text)" in rest.stderr
    assert "skipped notices: 1" in rest.stderr
    again = dead(place, "redrive")
    assert "redriven: 0" in again.stderr
    copies = came_back(place)
    assert [(copy.key, copy.value, copy.partition) for copy in copies] == [
        (each.key, each.value, each.partition) for each in originals
    ]
    for copy, original in zip(copies, originals, strict=True):
        assert copy.headers == (*original.headers, ("reprise-dead-attempts", b"1"))
    assert len(dead(place, "list").stdout.splitlines()) == 1  # the notice
    assert len(dead(place, "list", "--all").stdout.splitlines()) == LETTERS + 1


def test_redrives_at_the_same_time_send_each_letter_once(place: Place) -> None:
    """Of redrives that run side by side each letter goes back once, whoever wins; the others say so or find nothing."""
    put_letters(place)
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: dead(place, "redrive"), range(3)))
    assert {run.returncode for run in done} <= {0, 1}
    assert [run.stderr for run in done if run.returncode == 1 and "another redrive" not in run.stderr] == []
    last = dead(place, "redrive")
    assert last.returncode == 0, last.stderr
    assert len(came_back(place)) == LETTERS


def test_what_fails_again_comes_back_with_its_attempts(place: Place, tmp_path: Path) -> None:
    """A message that is still unreadable is a dead letter again, of one attempt, and what was mended is an event."""
    sent = [Raw(value=b"{"), Raw(value=article(id="a", text="A page that can be read and is long enough."))]
    place.send(sent)
    with running_worker(place.settings(), tmp_path / "worker.log") as worker:
        wait_ready(worker)
        wait_delivered(place, worker)
        assert dead(place, "redrive").returncode == 0
        # the letter, its marker, and the letter of its copy
        wait_until(lambda: len(place.dead_letters()) == 3, DELIVERY_SECONDS, "a second dead letter")
    listed = dead(place, "list", "--all", "--json")
    letters = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(letter["attempts"], letter["redriven"]) for letter in letters] == [(0, True), (1, False)]


def test_without_the_topic_the_command_says_so(place: Place) -> None:
    """Exit code 1 and one line that names the topic."""
    environment = worker_environment(place.settings(TOPIC_DEAD=f"{place.namespace}.nowhere"))
    run = subprocess.run(
        [*reprise_command(), "dead", "list"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 1
    assert run.stderr == f"reprise: topic {place.namespace}.nowhere does not exist\n"
