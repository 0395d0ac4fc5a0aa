"""Poison: messages that no worker can read, alone, and as one in a hundred, half, and all of a stream."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from reprise.settings import load
from tests.e2e.support_e2e import (
    Place,
    Raw,
    by_trace,
    load_messages,
    open_place,
    wait_delivered,
    wait_ready,
)
from tests.faults.malformed_messages import MAX_MESSAGE_BYTES, MAX_TEXT_CHARACTERS, POISON, Poison
from tests.fuzz.loop import run_loop
from tests.support import running_worker

LIMITS: Final = {"MAX_MESSAGE_BYTES": str(MAX_MESSAGE_BYTES), "MAX_TEXT_CHARACTERS": str(MAX_TEXT_CHARACTERS)}

#: Small batches, so that some of a poisoned stream is delivered before the circuit opens.
SMALL: Final = {"BATCH_MAX_ARTICLES": "30"}

#: Messages of a stream that opens the circuit: fewer than a batch holds by default, and more than the limits need.
POISONED: Final = 480

#: Seconds for a worker to start, meet the circuit limit and end.
_ENDS_SECONDS: Final = 90.0


@pytest.fixture
def place(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Place]:
    with open_place(kafka_bootstrap_servers, redis_url) as found:
        found.create_topics()
        yield found


def test_there_are_thirty_kinds_and_more_of_nearly_every_reason() -> None:
    """The kinds differ, and so do their bytes."""
    assert len(POISON) >= 30
    assert len({poison.name for poison in POISON}) == len({poison.value for poison in POISON}) == len(POISON)


@pytest.mark.parametrize("poison", POISON, ids=lambda poison: poison.name)
def test_alone_it_is_binned_with_its_reason(poison: Poison) -> None:
    """A message that is the only one leads to a dead letter that says what is wrong with it."""
    settings = load({f"REPRISE_{name}": value for name, value in LIMITS.items()})
    assert run_loop([poison.value], settings=settings) == [poison.reason]


def test_one_in_a_hundred_is_binned_and_the_stream_goes_on(place: Place, tmp_path: Path) -> None:
    """Every article gets its event, and each kind of poison is in the dead letters once, as it was, with its reason."""
    poisoned = [_raw(poison) for poison in POISON]
    articles = load_messages(99 * len(POISON))
    sent = _spread(articles, poisoned)
    offsets = place.send(sent)
    with running_worker(place.settings(**LIMITS), tmp_path / "worker.log") as worker:
        wait_ready(worker)
        wait_delivered(place, worker)
        assert worker.stop() == 0, worker.tail()
    events = by_trace(place.events())
    assert {trace: len(found) for trace, found in events.items()} == {article.trace: 1 for article in articles}
    where = {raw.trace: offset for raw, offset in zip(sent, offsets, strict=True)}
    expected = [(where[raw.trace], poison.value, poison.reason) for raw, poison in zip(poisoned, POISON, strict=True)]
    assert _dead(place) == sorted(expected)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_too_much_of_it_stops_the_worker(share: float, place: Place, tmp_path: Path) -> None:
    """Exit code 1 and a reason; what is committed is what was delivered; a restart meets it again and bins no more."""
    seed = random.SystemRandom().randrange(1 << 32)
    dice = random.Random(seed)
    count = round(share * POISONED)
    articles = load_messages(POISONED - count)
    sent = _spread(articles, [_raw(dice.choice(POISON)) for _ in range(count)])
    place.send(sent)

    def met() -> int:
        """Run a worker until it ends by itself, and return how many messages are committed since the beginning."""
        log = tmp_path / f"{len(list(tmp_path.iterdir()))}.log"
        with running_worker(place.settings(**LIMITS, **batches), log) as worker:
            assert worker.process.wait(timeout=_ENDS_SECONDS) == 1, f"seed {seed}\n{worker.tail()}"
            assert "cannot be read (limit" in worker.output(), f"seed {seed}\n{worker.tail()}"
            assert "Traceback" not in worker.output()
        committed = place.committed().get(0, 0)
        assert _outcomes(place, sent) == list(range(committed)), f"seed {seed}"
        return committed

    batches = SMALL
    delivered = met()
    assert 0 < delivered < len(sent), f"seed {seed}: the circuit did not open in the middle"
    batches = {}
    assert met() == delivered, f"seed {seed}: a restart went on, though the limit was in its first batch"


def _raw(poison: Poison) -> Raw:
    return Raw(value=poison.value, key=poison.name.encode())


def _spread(articles: Sequence[Raw], poisoned: Sequence[Raw]) -> list[Raw]:
    """Mix the poison evenly into the articles."""
    every = (len(articles) + len(poisoned)) / len(poisoned)
    mixed = list(articles)
    for number, raw in enumerate(poisoned):
        mixed.insert(int(number * every), raw)
    return mixed


def _dead(place: Place) -> list[tuple[int, bytes | None, str]]:
    """Return offset, bytes and reason of every dead letter, by offset."""
    letters = [(dict(letter.headers), letter.value) for letter in place.dead_letters()]
    return sorted(
        (int(headers["reprise-dead-offset"]), value, headers["reprise-dead-reason"].decode())
        for headers, value in letters
    )


def _outcomes(place: Place, sent: Sequence[Raw]) -> list[int]:
    """Return the offset of the message of every event and every dead letter, a copy as often as it is there."""
    offsets = {raw.trace: offset for offset, raw in enumerate(sent)}
    return sorted([offsets[event.trace] for event in place.events()] + [offset for offset, *_ in _dead(place)])
