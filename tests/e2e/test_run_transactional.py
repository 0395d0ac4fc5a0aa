"""Workers that deliver in transactions, killed and held in the middle: what a `read_committed` reader sees of it."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.local.stack import wait_until
from reprise.messages import dead_letters
from tests.e2e.support_e2e import (
    DELIVERY_SECONDS,
    READY_SECONDS,
    Place,
    Raw,
    load_messages,
    one_each,
    open_place,
    wait_delivered,
    wait_ready,
)
from tests.support import WorkerProcess, running_worker

PARTITIONS = 2

#: Messages of a load: some seconds of work in small batches, so that there is a middle.
LOAD = 900

#: Messages sent on top, each time that all is delivered before a worker was caught in the middle.
MORE = 90

#: Every hundredth is no article: dead letters are told once, too.
BAD_EVERY = 100

#: Times that a worker is killed in a transaction.
KILLS = 3

#: Milliseconds that no transaction of a worker that runs is open for.
LONG_MS = 1_000

SETTINGS = {
    "DELIVERY": "transactional",
    "BATCH_MAX_ARTICLES": "15",
    # 6 is the broker's least
    "KAFKA_SESSION_TIMEOUT_SECONDS": "6",
    "FLUSH_TIMEOUT_SECONDS": "10",
}


@pytest.fixture
def place(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Place]:
    with open_place(kafka_bootstrap_servers, redis_url) as found:
        found.create_topics(PARTITIONS)
        yield found


def load() -> list[Raw]:
    sent = load_messages(LOAD, partitions=PARTITIONS)
    for number in range(0, LOAD, BAD_EVERY):
        sent[number] = Raw(value=b"no JSON", partition=number % PARTITIONS)
    return sent


def check(place: Place, sent: list[Raw]) -> None:
    """Fail unless each article has one event and each other message one dead letter.

    What a killed worker left open holds readers back until the broker ends it.
    """
    wait_until(lambda: not in_transaction(place), DELIVERY_SECONDS, "the end of every transaction")
    articles = [raw for raw in sent if raw.value != b"no JSON"]
    events = one_each(articles, place.events())
    new = {event.body["story_id"] for event in events if event.body["type"] == "story.new"}
    assert {event.body["story_id"] for event in events} == new
    headers = [dict(letter.headers) for letter in place.dead_letters()]
    places = [(each[dead_letters.PARTITION], each[dead_letters.OFFSET]) for each in headers]
    assert len(places) == len(set(places)) == len(sent) - len(articles)


def in_transaction(place: Place, milliseconds: int = 0) -> set[str]:
    """The workers' transactional ids with a transaction that has been open for so long."""
    found = place.admin.list_transactions(state_filters=["Ongoing"], duration_filter_ms=milliseconds)
    return {
        each.transactional_id
        for listing in found.values()
        for each in listing
        if each.transactional_id.startswith(place.topics.group_id)
    }


def hold_in_a_transaction(place: Place, worker: WorkerProcess, sent: list[Raw]) -> None:
    """Stop a worker at a moment when it has a transaction open: one that is open still when any other has ended.

    A fast worker may be through with everything before it is caught; then more is sent, and put into `sent`.
    """
    already = in_transaction(place, LONG_MS)

    def held() -> bool:
        assert worker.process.poll() is None, worker.tail()
        if place.committed() == place.ends(place.topics.articles):
            more = load_messages(MORE, partitions=PARTITIONS, seed=len(sent))
            place.send(more)
            sent.extend(more)
        os.kill(worker.pid, signal.SIGSTOP)
        began = in_transaction(place) - already
        while began and not began & in_transaction(place, LONG_MS):
            began &= in_transaction(place)
        if not began:
            os.kill(worker.pid, signal.SIGCONT)
        return bool(began)

    wait_until(held, DELIVERY_SECONDS, "a moment in a transaction")


def test_kills_in_transactions_are_never_seen(place: Place, tmp_path: Path) -> None:
    """Beside a worker others are killed while a transaction of theirs is open: each event once, and none missing."""
    sent = load()
    place.send(sent)
    with ExitStack() as running:
        beside = running.enter_context(running_worker(place.settings(**SETTINGS), tmp_path / "beside.log"))
        for kill in range(KILLS):
            worker = running.enter_context(running_worker(place.settings(**SETTINGS), tmp_path / f"{kill}.log"))
            hold_in_a_transaction(place, worker, sent)
            worker.kill()
        wait_delivered(place, beside)
        assert beside.stop() == 0, beside.tail()
    check(place, sent)


def test_a_zombie_tells_nothing_twice(place: Place, tmp_path: Path) -> None:
    """Held in a transaction for longer than its session, a worker gives its batch up, rejoins, and works on."""
    sent = load()
    with ExitStack() as running:
        zombie = running.enter_context(running_worker(place.settings(**SETTINGS), tmp_path / "zombie.log"))
        other = running.enter_context(running_worker(place.settings(**SETTINGS), tmp_path / "other.log"))
        for worker in (zombie, other):
            wait_ready(worker)
        wait_until(lambda: [*map(len, place.members().values())] == [1, 1], READY_SECONDS, "a partition each")
        place.send(sent)
        hold_in_a_transaction(place, zombie, sent)
        wait_until(lambda: len(place.members()) == 1, READY_SECONDS, "the end of the zombie's session")
        os.kill(zombie.pid, signal.SIGCONT)
        wait_delivered(place, zombie, other)
        wait_until(lambda: len(place.members()) == 2, READY_SECONDS, "the zombie back in the group")
        later = load_messages(60, partitions=PARTITIONS, seed=2)
        place.send(later)
        wait_delivered(place, zombie, other)
        for worker in (zombie, other):
            assert worker.stop() == 0, worker.tail()
    check(place, [*sent, *later])
