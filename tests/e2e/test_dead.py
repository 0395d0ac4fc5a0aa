"""`reprise dead` with a real Kafka: list dead letters, and send each back to its topic once."""

import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reprise.messages.dead_letters import dead_letter_record, notice_record
from reprise.model import DeadLetterReason, Message, Rejection
from tests.e2e.articles import article_json
from tests.e2e.sandbox import InputMessage, Sandbox, open_sandbox
from tests.e2e.worker_state import DELIVERY_SECONDS, wait_delivered, wait_ready
from tests.support import reprise_command, running_worker, wait_until, worker_environment

#: Seconds for one run of the command, with the start of the interpreter.
COMMAND_SECONDS = 60.0

#: Number of dead letters with a message.
LETTERS = 7


@pytest.fixture
def sandbox(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Sandbox]:
    with open_sandbox(kafka_bootstrap_servers, redis_url, 2) as sandbox:
        yield sandbox


def dead(sandbox: Sandbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `reprise dead` with the settings of the sandbox."""
    return subprocess.run(
        [*reprise_command(), "dead", *arguments],
        env=worker_environment(sandbox.settings()),
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


def write_dead_letters(sandbox: Sandbox) -> list[Message]:
    """Write dead letters as a worker does: seven with their message, with two reasons, and a notice."""
    originals = [
        Message(
            topic=sandbox.topics.articles,
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
            sandbox.topics.dead,
            original,
            Rejection(reason=DeadLetterReason.NOT_JSON if original.offset else DeadLetterReason.NO_TEXT, detail="why"),
            1.7e9,
        )
        for original in originals
    ]
    records.append(
        notice_record(
            sandbox.topics.dead,
            originals[0],
            Rejection(reason=DeadLetterReason.MESSAGE_TOO_LARGE, detail="too large"),
            1.7e9,
        )
    )
    for record in records:
        value = b"" if record.key is None else record.value
        sandbox.producer.send(record.topic, key=record.key, value=value, headers=list(record.headers))
    sandbox.producer.flush()
    return originals


def redriven_messages(sandbox: Sandbox) -> list[Message]:
    """Return the content of the input topic in the order of the original messages."""
    return sorted(sandbox.read(sandbox.topics.articles), key=lambda message: message.key or b"")


def test_list_prints_each_dead_letter(sandbox: Sandbox) -> None:
    """A line has the reason and the origin; standard error has the totals; --reason filters."""
    write_dead_letters(sandbox)
    complete = dead(sandbox, "list")
    assert complete.returncode == 0, complete.stderr
    lines = complete.stdout.splitlines()
    assert len(lines) == LETTERS + 1
    assert (
        f"{sandbox.topics.dead}-0@0  no_text  2023-11-14T22:13:20.000Z  from {sandbox.topics.articles}-0@0" in lines[0]
    )
    assert "dead letters: 8 (1 message_too_large, 1 no_text, 6 not_json)" in complete.stderr
    assert f"\n        6, first {sandbox.topics.dead}-0@" in complete.stderr
    grouped = dead(sandbox, "list", "--by-reason")
    assert [line.split()[1] for line in grouped.stdout.splitlines()[::2]] == [
        "not_json,",
        "no_text,",
        "message_too_large,",
    ]
    (largest, *_) = map(json.loads, dead(sandbox, "list", "--by-reason", "--json").stdout.splitlines())
    assert (largest["reason"], largest["count"], largest["details"][0]["detail"]) == ("not_json", 6, "why")
    filtered = dead(sandbox, "list", "--reason", "no_text", "--json")
    (letter,) = map(json.loads, filtered.stdout.splitlines())
    assert letter["origin"] == {"topic": sandbox.topics.articles, "partition": 0, "offset": 0}
    assert (letter["reason"], letter["attempts"], letter["redriven"]) == ("no_text", 0, False)


def test_list_selects_by_time_and_number(sandbox: Sandbox) -> None:
    """--since compares the time of the rejection, --limit ends the list."""
    write_dead_letters(sandbox)
    assert len(dead(sandbox, "list", "--since", "2023-11-14T22:13:20Z").stdout.splitlines()) == LETTERS + 1
    assert dead(sandbox, "list", "--since", "1h").stdout == ""
    assert len(dead(sandbox, "list", "--limit", "3").stdout.splitlines()) == 3
    wrong = dead(sandbox, "list", "--since", "yesterday")
    assert wrong.returncode == 2
    assert "expected a time such as 2026-11-21T08:00:00Z, or 90s, 15m, 6h, 7d" in wrong.stderr


def test_show_prints_one_dead_letter(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its reason, headers, key and body; --output writes the bytes, --json prints everything."""
    write_dead_letters(sandbox)
    first = dead(sandbox, "list", "--reason", "no_text").stdout.split()[0]
    shown = dead(sandbox, "show", first)
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0] == f"position: {first}"
    assert {"reason: no_text", "detail: why", f"origin: {sandbox.topics.articles}-0@0", "key: key-0"} <= set(lines)
    assert "header traceparent: 00-0" in lines
    assert lines[-2:] == ["body: 16 bytes", "not an article 0"]
    file = tmp_path / "body"
    written = dead(sandbox, "show", first, "--output", str(file))
    assert file.read_bytes() == b"not an article 0"
    assert "not an article" not in written.stdout
    (record,) = map(json.loads, dead(sandbox, "show", first, "--json").stdout.splitlines())
    assert (record["body"], record["key"], record["dead_letter"]["reason"]) == ("not an article 0", "key-0", "no_text")


@pytest.mark.parametrize(
    ("position", "code", "message"),
    [
        ("-0@99", 1, "no record at .*-0@99: the partition holds the offsets 0 to "),
        ("-7@0", 1, "has no partition 7; it has "),
        ("@0", 2, "is no position; expected TOPIC-PARTITION@OFFSET"),
    ],
)
def test_show_names_a_wrong_position(position: str, code: int, message: str, sandbox: Sandbox) -> None:
    """The error says which offsets the partition holds."""
    write_dead_letters(sandbox)
    shown = dead(sandbox, "show", f"{sandbox.topics.dead}{position}")
    assert shown.returncode == code
    assert re.search(message, shown.stderr), shown.stderr


def test_redrive_sends_a_single_message(sandbox: Sandbox) -> None:
    """A position selects it. A second redrive of it, and one of a notice, is an error that names the position."""
    write_dead_letters(sandbox)
    letters = [json.loads(line) for line in dead(sandbox, "list", "--json").stdout.splitlines()]
    wanted = next(each for each in letters if each["origin"]["offset"] == 3 and each["has_message"])
    position = f"{wanted['topic']}-{wanted['partition']}@{wanted['offset']}"
    single = dead(sandbox, "redrive", position, "--json")
    assert single.returncode == 0, single.stderr
    assert json.loads(single.stdout) == {"dry_run": False, "redriven": {"not_json": 1}, "skipped_notices": {}}
    assert [message.key for message in redriven_messages(sandbox)] == [b"key-3"]
    again = dead(sandbox, "redrive", position)
    assert again.returncode == 1
    assert f"not redriven: {position}: no dead letter" in again.stderr
    limited = dead(sandbox, "redrive", "--limit", "2")
    assert "redriven: 2" in limited.stderr
    assert len(redriven_messages(sandbox)) == 3


def test_redrive_sends_each_message_once(sandbox: Sandbox) -> None:
    """The copy has key, bytes, headers and partition of the message, and one attempt. Another redrive sends nothing."""
    originals = write_dead_letters(sandbox)
    dry = dead(sandbox, "redrive", "--dry-run")
    assert "would be redriven: 7" in dry.stderr
    assert redriven_messages(sandbox) == []
    first = dead(sandbox, "redrive", "--reason", "not_json")
    assert first.returncode == 0, first.stderr
    assert "redriven: 6 (6 not_json)" in first.stderr
    rest = dead(sandbox, "redrive")
    assert "redriven: 1 (1 no_text)" in rest.stderr
    assert "skipped notices: 1" in rest.stderr
    again = dead(sandbox, "redrive")
    assert "redriven: 0" in again.stderr
    copies = redriven_messages(sandbox)
    assert [(copy.key, copy.value, copy.partition) for copy in copies] == [
        (original.key, original.value, original.partition) for original in originals
    ]
    for copy, original in zip(copies, originals, strict=True):
        assert copy.headers == (*original.headers, ("reprise-dead-attempts", b"1"))
    assert len(dead(sandbox, "list").stdout.splitlines()) == 1  # the notice
    assert len(dead(sandbox, "list", "--all").stdout.splitlines()) == LETTERS + 1


def test_concurrent_redrives_send_each_message_once(sandbox: Sandbox) -> None:
    """One of several redrives sends a message. The others report the conflict or send nothing."""
    write_dead_letters(sandbox)
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: dead(sandbox, "redrive"), range(3)))
    assert {run.returncode for run in done} <= {0, 1}
    assert [run.stderr for run in done if run.returncode == 1 and "another redrive" not in run.stderr] == []
    last = dead(sandbox, "redrive")
    assert last.returncode == 0, last.stderr
    assert len(redriven_messages(sandbox)) == LETTERS


def test_a_second_rejection_counts_the_attempts(sandbox: Sandbox, tmp_path: Path) -> None:
    """A redriven message that is rejected again is a new dead letter with one attempt."""
    sent = [
        InputMessage(value=b"{"),
        InputMessage(value=article_json(id="a", text="A page that can be read and is long enough.")),
    ]
    sandbox.produce(sent)
    with running_worker(sandbox.settings(), tmp_path / "worker.log") as worker:
        wait_ready(worker)
        wait_delivered(sandbox, worker)
        assert dead(sandbox, "redrive").returncode == 0
        # the dead letter, its redrive marker, and the dead letter of the copy
        wait_until(lambda: len(sandbox.dead_letters()) == 3, DELIVERY_SECONDS, "a second dead letter")
    listed = dead(sandbox, "list", "--all", "--json")
    letters = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(letter["attempts"], letter["redriven"]) for letter in letters] == [(0, True), (1, False)]


def test_a_missing_topic_is_an_error(sandbox: Sandbox) -> None:
    """Exit code 1 and one line that names the topic."""
    environment = worker_environment(sandbox.settings(TOPIC_DEAD=f"{sandbox.namespace}.nowhere"))
    run = subprocess.run(
        [*reprise_command(), "dead", "list"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 1
    assert run.stderr == f"reprise: topic {sandbox.namespace}.nowhere does not exist\n"
