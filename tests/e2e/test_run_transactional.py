"""Workers with transactional delivery that are killed or frozen: the events of a `read_committed` consumer."""

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from kafka.admin import TransactionListing
from kafka.errors import CoordinatorLoadInProgressError

from deploy.local.stack import wait_until
from reprise.messages import dead_letters
from tests.e2e.articles import synthetic_messages
from tests.e2e.sandbox import InputMessage, Sandbox, open_sandbox, single_events
from tests.e2e.worker_state import DELIVERY_SECONDS, READY_SECONDS, wait_delivered, wait_ready
from tests.support import WorkerProcess, running_worker

PARTITIONS = 2

#: Number of messages: some seconds of work in small batches, so that the faults are in the middle.
LOAD = 900

#: Number of messages to add if all are delivered before a worker was in a transaction.
ADDED = 90

#: Every hundredth message is malformed, to check the dead letters, too.
MALFORMED_INTERVAL = 100

#: Number of workers killed in a transaction.
KILLS = 3

#: Milliseconds of a transaction that only a frozen worker reaches.
LONG_MS = 1_000

SETTINGS = {
    "DELIVERY": "transactional",
    "BATCH_MAX_ARTICLES": "15",
    # the minimum of the broker
    "KAFKA_SESSION_TIMEOUT_SECONDS": "6",
    "FLUSH_TIMEOUT_SECONDS": "10",
}


@pytest.fixture
def sandbox(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Sandbox]:
    with open_sandbox(kafka_bootstrap_servers, redis_url, PARTITIONS) as sandbox:
        yield sandbox


def make_load() -> list[InputMessage]:
    sent = synthetic_messages(LOAD, partitions=PARTITIONS)
    for number in range(0, LOAD, MALFORMED_INTERVAL):
        sent[number] = InputMessage(value=b"no JSON", partition=number % PARTITIONS)
    return sent


def check_published_once(sandbox: Sandbox, sent: list[InputMessage]) -> None:
    """Check that each article has one event and each malformed message one dead letter.

    An open transaction of a killed worker blocks consumers until the broker aborts it.
    """
    wait_until(lambda: not open_transactions(sandbox), DELIVERY_SECONDS, "the end of every transaction")
    articles = [raw for raw in sent if raw.value != b"no JSON"]
    events = single_events(articles, sandbox.events())
    new = {event.body["story_id"] for event in events if event.body["type"] == "story.new"}
    assert {event.body["story_id"] for event in events} == new
    headers = [dict(letter.headers) for letter in sandbox.dead_letters()]
    positions = [(letter[dead_letters.PARTITION], letter[dead_letters.OFFSET]) for letter in headers]
    assert len(positions) == len(set(positions)) == len(sent) - len(articles)


def open_transactions(sandbox: Sandbox, milliseconds: int = 0) -> set[str]:
    """Return the transactional ids of workers with a transaction that has been open for this time."""

    def list_ongoing() -> Mapping[int, Sequence[TransactionListing]]:
        try:
            listings: Mapping[int, Sequence[TransactionListing]] = sandbox.admin.list_transactions(
                state_filters=["Ongoing"], duration_filter_ms=milliseconds
            )
        except CoordinatorLoadInProgressError:  # the broker still creates the topic of the transactions' states
            return {}
        return listings

    return {
        transaction.transactional_id
        for listing in wait_until(list_ongoing, DELIVERY_SECONDS, "the transaction coordinator").values()
        for transaction in listing
        if transaction.transactional_id.startswith(sandbox.topics.group_id)
    }


def freeze_in_transaction(sandbox: Sandbox, worker: WorkerProcess, sent: list[InputMessage]) -> None:
    """Freeze a worker while it has an open transaction, which stays open longer than those of running workers.

    If all messages are processed before, more are produced and appended to `sent`.
    """
    open_before = open_transactions(sandbox, LONG_MS)

    def is_frozen() -> bool:
        assert worker.process.poll() is None, worker.tail()
        if sandbox.committed() == sandbox.end_offsets(sandbox.topics.articles):
            more = synthetic_messages(ADDED, partitions=PARTITIONS, seed=len(sent))
            sandbox.produce(more)
            sent.extend(more)
        os.kill(worker.pid, signal.SIGSTOP)
        opened = open_transactions(sandbox) - open_before
        while opened and not opened & open_transactions(sandbox, LONG_MS):
            opened &= open_transactions(sandbox)
        if not opened:
            os.kill(worker.pid, signal.SIGCONT)
        return bool(opened)

    wait_until(is_frozen, DELIVERY_SECONDS, "a worker in a transaction")


def test_kills_in_transactions_have_no_effect_on_the_events(sandbox: Sandbox, tmp_path: Path) -> None:
    """Workers are killed with an open transaction beside a running worker. Each event is published exactly once."""
    sent = make_load()
    sandbox.produce(sent)
    with ExitStack() as running:
        survivor = running.enter_context(running_worker(sandbox.settings(**SETTINGS), tmp_path / "survivor.log"))
        for kill in range(KILLS):
            worker = running.enter_context(running_worker(sandbox.settings(**SETTINGS), tmp_path / f"{kill}.log"))
            freeze_in_transaction(sandbox, worker, sent)
            worker.kill()
        wait_delivered(sandbox, survivor)
        assert survivor.stop() == 0, survivor.tail()
    check_published_once(sandbox, sent)


def test_a_frozen_worker_publishes_nothing_twice(sandbox: Sandbox, tmp_path: Path) -> None:
    """A worker that is frozen in a transaction until its session ends abandons the batch and joins the group again."""
    sent = make_load()
    with ExitStack() as running:
        frozen = running.enter_context(running_worker(sandbox.settings(**SETTINGS), tmp_path / "frozen.log"))
        other = running.enter_context(running_worker(sandbox.settings(**SETTINGS), tmp_path / "other.log"))
        for worker in (frozen, other):
            wait_ready(worker)
        wait_until(
            lambda: [*map(len, sandbox.members().values())] == [1, 1], READY_SECONDS, "one partition for each worker"
        )
        sandbox.produce(sent)
        freeze_in_transaction(sandbox, frozen, sent)
        wait_until(lambda: len(sandbox.members()) == 1, READY_SECONDS, "the end of the frozen worker's session")
        os.kill(frozen.pid, signal.SIGCONT)
        wait_delivered(sandbox, frozen, other)
        wait_until(lambda: len(sandbox.members()) == 2, READY_SECONDS, "the frozen worker in the group again")
        later = synthetic_messages(60, partitions=PARTITIONS, seed=2)
        sandbox.produce(later)
        wait_delivered(sandbox, frozen, other)
        for worker in (frozen, other):
            assert worker.stop() == 0, worker.tail()
    check_published_once(sandbox, [*sent, *later])
