"""Messages that the worker rejects: alone, and as 1 %, half and all of a stream."""

import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from reprise.settings import load
from tests.e2e.articles import synthetic_messages
from tests.e2e.sandbox import InputMessage, Sandbox, by_trace, open_sandbox
from tests.e2e.worker_state import wait_delivered, wait_ready
from tests.faults.undecodable_messages import (
    MAX_MESSAGE_BYTES,
    MAX_TEXT_CHARACTERS,
    UNDECODABLE_MESSAGES,
    UndecodableMessage,
)
from tests.fuzz.loop import run_loop
from tests.support import running_worker

LIMITS: Final = {"MAX_MESSAGE_BYTES": str(MAX_MESSAGE_BYTES), "MAX_TEXT_CHARACTERS": str(MAX_TEXT_CHARACTERS)}

#: Small batches, so that the worker delivers some of a stream before the circuit breaker opens.
SMALL_BATCHES: Final = {"BATCH_MAX_ARTICLES": "30"}

#: Messages of a stream that opens the circuit breaker: fewer than a default batch, more than the limits need.
STREAM_MESSAGES: Final = 480

#: Seconds until a worker has started, opened the circuit breaker and ended.
_END_SECONDS: Final = 90.0


@pytest.fixture
def sandbox(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Sandbox]:
    with open_sandbox(kafka_bootstrap_servers, redis_url) as sandbox:
        yield sandbox


def test_there_are_thirty_different_messages() -> None:
    """Their names and their bytes differ."""
    assert len(UNDECODABLE_MESSAGES) >= 30
    assert (
        len({message.name for message in UNDECODABLE_MESSAGES})
        == len({message.value for message in UNDECODABLE_MESSAGES})
        == len(UNDECODABLE_MESSAGES)
    )


@pytest.mark.parametrize("message", UNDECODABLE_MESSAGES, ids=lambda message: message.name)
def test_a_single_message_becomes_a_dead_letter(message: UndecodableMessage) -> None:
    """The dead letter has the reason of the rejection."""
    settings = load({f"REPRISE_{name}": value for name, value in LIMITS.items()})
    assert run_loop([message.value], settings=settings) == [message.reason]


def test_one_percent_does_not_stop_the_worker(sandbox: Sandbox, tmp_path: Path) -> None:
    """Each article has its event. Each undecodable message is a dead letter once, with equal bytes and its reason."""
    undecodable = [_raw(message) for message in UNDECODABLE_MESSAGES]
    articles = synthetic_messages(99 * len(UNDECODABLE_MESSAGES))
    sent = _spread(articles, undecodable)
    offsets = sandbox.produce(sent)
    with running_worker(sandbox.settings(**LIMITS), tmp_path / "worker.log") as worker:
        wait_ready(worker)
        wait_delivered(sandbox, worker)
        assert worker.stop() == 0, worker.tail()
    events = by_trace(sandbox.events())
    assert {trace: len(group) for trace, group in events.items()} == {article.trace: 1 for article in articles}
    offset_of = {raw.trace: offset for raw, offset in zip(sent, offsets, strict=True)}
    expected = [
        (offset_of[raw.trace], message.value, message.reason)
        for raw, message in zip(undecodable, UNDECODABLE_MESSAGES, strict=True)
    ]
    assert _dead(sandbox) == sorted(expected)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_too_many_stop_the_worker(share: float, sandbox: Sandbox, tmp_path: Path) -> None:
    """The worker ends with 1 and a reason, and has committed what it delivered. A restart delivers nothing more."""
    seed = random.SystemRandom().randrange(1 << 32)
    rng = random.Random(seed)
    count = round(share * STREAM_MESSAGES)
    articles = synthetic_messages(STREAM_MESSAGES - count)
    sent = _spread(articles, [_raw(rng.choice(UNDECODABLE_MESSAGES)) for _ in range(count)])
    sandbox.produce(sent)

    def run_until_end() -> int:
        """Run a worker until it ends and return the number of messages committed so far."""
        log = tmp_path / f"{len(list(tmp_path.iterdir()))}.log"
        with running_worker(sandbox.settings(**LIMITS, **batches), log) as worker:
            assert worker.process.wait(timeout=_END_SECONDS) == 1, f"seed {seed}\n{worker.tail()}"
            assert "cannot be read (limit" in worker.output(), f"seed {seed}\n{worker.tail()}"
            lines = [parse_line(line) for line in worker.output().splitlines()]
            (opened,) = (line for line in lines if line.get("event") == "circuit_open")
            assert opened["rejected"], "the reasons are missing"
            assert all(re.fullmatch(r".+-0@\d+", reason["first"]) for reason in opened["rejected"])
            assert "Traceback" not in worker.output()
        committed = sandbox.committed().get(0, 0)
        assert _outcomes(sandbox, sent) == list(range(committed)), f"seed {seed}"
        return committed

    batches = SMALL_BATCHES
    delivered = run_until_end()
    assert 0 < delivered < len(sent), f"seed {seed}: the circuit breaker did not open in the middle"
    batches = {}
    assert run_until_end() == delivered, f"seed {seed}: a restart continued, although the limit was in its first batch"


def parse_line(line: str) -> dict[str, Any]:
    """Return the fields of a line of the log; none if it is the line of an error."""
    parsed: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
    return parsed


def _raw(message: UndecodableMessage) -> InputMessage:
    return InputMessage(value=message.value, key=message.name.encode())


def _spread(articles: Sequence[InputMessage], undecodable: Sequence[InputMessage]) -> list[InputMessage]:
    """Insert the undecodable messages into the articles at equal distances."""
    distance = (len(articles) + len(undecodable)) / len(undecodable)
    mixed = list(articles)
    for number, raw in enumerate(undecodable):
        mixed.insert(int(number * distance), raw)
    return mixed


def _dead(sandbox: Sandbox) -> list[tuple[int, bytes | None, str]]:
    """Return offset, bytes and reason of every dead letter, ordered by offset."""
    letters = [(dict(letter.headers), letter.value) for letter in sandbox.dead_letters()]
    return sorted(
        (int(headers["reprise-dead-offset"]), value, headers["reprise-dead-reason"].decode())
        for headers, value in letters
    )


def _outcomes(sandbox: Sandbox, sent: Sequence[InputMessage]) -> list[int]:
    """Return the message offsets of all events and dead letters, with repetitions."""
    offsets = {raw.trace: offset for offset, raw in enumerate(sent)}
    return sorted([offsets[event.trace] for event in sandbox.events()] + [offset for offset, *_ in _dead(sandbox)])
