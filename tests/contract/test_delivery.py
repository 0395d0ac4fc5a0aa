"""One suite for every Delivery, and tests of the guarantees that a transaction adds."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from kafka import errors
from kafka.structs import ConsumerGroupMetadata

from reprise.errors import Fatal, Unreachable
from reprise.kafka import client_workarounds
from reprise.kafka.clients import open_admin
from reprise.kafka.consumer import KafkaSource
from reprise.kafka.conversions import to_client_offsets
from reprise.kafka.producer import KafkaSink
from reprise.kafka.transactional import Transactional
from reprise.model import CorruptRecord, Delivered, Message, Outcome, OutputRecord
from reprise.processing.batch import next_offsets
from reprise.processing.ports import Partition, Source
from tests.contract.adapters import (
    FLUSH_SECONDS,
    METADATA,
    Adapters,
    KafkaAdapters,
    deliver,
    fill,
    poll_until,
    settle,
    take,
    values,
)
from tests.contract.memory_broker import MAX_RECORD_BYTES

#: Limit in bytes of a topic for small records; the broker, not the client, refuses larger ones.
SMALL_BYTES = 2_000


def outcome_of(message: Message | CorruptRecord, topic: str, *values: bytes) -> Outcome:
    """Return the outcome of a message: a record with the first value, and fallbacks with the others."""
    key = b"%d-%d" % (message.partition, message.offset)
    records = [OutputRecord(topic=topic, key=key, value=value, headers=()) for value in values]
    return Outcome(message=message, record=records[0], fallbacks=tuple(records[1:]))


def published(outcomes: Sequence[Outcome]) -> list[Delivered]:
    """Return the deliveries of outcomes whose records fit their topic."""
    return [Delivered(message=outcome.message, record=outcome.record) for outcome in outcomes]


def record_values(outcomes: Sequence[Outcome | Delivered]) -> list[bytes | None]:
    """Return the values of the records."""
    return [outcome.record.value for outcome in outcomes if outcome.record]


def echoes(messages: Sequence[Message | CorruptRecord], topic: str) -> list[Outcome]:
    """Return outcomes that publish the value of each message to a topic."""
    return [outcome_of(message, topic, message.value or b"") for message in messages if isinstance(message, Message)]


def read_values(adapters: Adapters, topic: str) -> list[bytes | None]:
    """Publish an end marker to a topic, and return the values before it that a `read_committed` reader sees."""
    sink = adapters.sink()
    sink.send([OutputRecord(topic=topic, key=None, value=b"end", headers=())])
    sink.flush()
    reader = adapters.source(topic, f"reader-of-{topic}")
    received = poll_until(
        lambda messages: any(message.value == b"end" for message in messages if isinstance(message, Message)), reader
    )
    reader.close()
    return [message.value for message in received if isinstance(message, Message) and message.value != b"end"]


def test_delivered_batch_is_published_and_committed(adapters: Adapters) -> None:
    """Every record is published once, in order, and the next source of the group starts behind the batch."""
    topic, output = adapters.topic(), adapters.topic(1)
    fill(adapters, topic, 10)
    source = adapters.source(topic, "g")
    outcomes = echoes(take(source, 10), output)
    assert list(deliver(adapters.delivery(source), outcomes, source)) == published(outcomes)
    source.close()
    fill(adapters, topic, 1, start=10)
    assert values(take(adapters.source(topic, "g"), 1)) == [b"v10"]
    assert read_values(adapters, output) == record_values(outcomes)


def test_batch_without_records_is_committed(adapters: Adapters) -> None:
    """A batch of tombstones publishes nothing, and its offsets are committed."""
    topic = adapters.topic()
    fill(adapters, topic, 5)
    source = adapters.source(topic, "g")
    outcomes = [Outcome(message=message) for message in take(source, 5)]
    assert len(deliver(adapters.delivery(source), outcomes, source)) == 5
    source.close()
    fill(adapters, topic, 1, start=5)
    assert values(take(adapters.source(topic, "g"), 1)) == [b"v5"]


def test_offset_metadata_is_read_by_the_next_owner(adapters: Adapters) -> None:
    """The next owner of the partitions reads the metadata committed last; an empty text before the first commit."""
    topic, partitions = adapters.topic(), {0, 1}
    fill(adapters, topic, 20)
    source = adapters.source(topic, "g")
    messages = take(source, 20)
    assert {message.partition for message in messages} == partitions
    assert list(source.read_offset_metadata()) == ["", ""]
    deliver(adapters.delivery(source), [Outcome(message=message) for message in messages], source)
    source.close()
    fill(adapters, topic, 20, start=20)
    successor = adapters.source(topic, "g")
    take(successor, 20)
    assert list(successor.read_offset_metadata()) == [METADATA, METADATA]


def test_one_delivery_publishes_several_batches(adapters: Adapters) -> None:
    """One producer publishes the batches of a stream one after the other."""
    topic, output = adapters.topic(1), adapters.topic(1)
    source = adapters.source(topic, "g")
    delivery = adapters.delivery(source)
    for start in range(0, 15, 5):
        fill(adapters, topic, 5, start=start)
        deliver(delivery, echoes(take(source, 5), output), source)
    assert read_values(adapters, output) == [b"v%d" % number for number in range(15)]


def test_merges_are_published_with_their_batch(adapters: Adapters) -> None:
    """The events of merges are acknowledged before the commit; one that is too large is replaced by the smaller one."""
    topic, output, merged = adapters.topic(1), adapters.topic(1), adapters.topic(1)
    fill(adapters, topic, 2)
    source = adapters.source(topic, "g")
    outcomes = echoes(take(source, 2), output)
    sizes = (b"fits", b"unused"), (b"x" * (2 * MAX_RECORD_BYTES), b"smaller")
    for number, pair in enumerate(sizes):
        large, small = (OutputRecord(topic=merged, key=b"k", value=value, headers=()) for value in pair)
        outcomes[number] = replace(outcomes[number], merges=[(large, small)])
    assert list(deliver(adapters.delivery(source), outcomes, source)) == published(outcomes)
    assert read_values(adapters, merged) == [b"fits", b"smaller"]
    assert read_values(adapters, output) == record_values(outcomes)


def test_fallback_replaces_a_record_that_is_too_large(adapters: Adapters) -> None:
    """The first fallback that fits is published, and the records beside it are published once."""
    topic, output = adapters.topic(1), adapters.topic(1)
    fill(adapters, topic, 3)
    source = adapters.source(topic, "g")
    first, second, third = take(source, 3)
    large = b"x" * (MAX_RECORD_BYTES + 1)
    outcomes = [
        outcome_of(first, output, b"first"),
        outcome_of(second, output, large, b"second"),
        outcome_of(third, output, large, large, b"third"),
    ]
    assert record_values(deliver(adapters.delivery(source), outcomes, source)) == [b"first", b"second", b"third"]
    assert Counter(read_values(adapters, output)) == Counter([b"first", b"second", b"third"])


def test_nothing_is_committed_where_no_fallback_fits(adapters: Adapters) -> None:
    """If a record and all its fallbacks are too large, the delivery raises Fatal and commits nothing of the batch."""
    topic, output = adapters.topic(1), adapters.topic(1)
    fill(adapters, topic, 2)
    source = adapters.source(topic, "g")
    first, second = take(source, 2)
    with pytest.raises(Fatal, match="too large for its topic"):
        deliver(
            adapters.delivery(source),
            [outcome_of(first, output, b"1"), outcome_of(second, output, b"x" * 2_000_000)],
            source,
        )
    source.close()
    assert values(take(adapters.source(topic, "g"), 2)) == [b"v0", b"v1"]


@pytest.mark.stack
@pytest.mark.parametrize("transactional", [False, True])
def test_fallback_replaces_a_record_that_the_broker_refuses(kafka_bootstrap_servers: str, transactional: bool) -> None:
    """If a topic's limit is below the client's, the broker refuses the record; the retry publishes the fallback."""
    adapters = KafkaAdapters(kafka_bootstrap_servers, transactional=transactional)
    topic, output = adapters.topic(1), f"{adapters.topic(1)}.small"
    admin = open_admin(adapters.settings())
    small = {"num_partitions": 1, "replication_factor": 1, "configs": {"max.message.bytes": str(SMALL_BYTES)}}
    admin.create_topics({output: small}, wait_for_metadata=True)
    admin.close()
    fill(adapters, topic, 2)
    source = adapters.source(topic, "g")
    first, second = take(source, 2)
    large = random.Random(1).randbytes(4 * SMALL_BYTES)  # Random, so that no codec makes it fit.
    outcomes = [outcome_of(first, output, b"first"), outcome_of(second, output, large, b"second")]
    assert record_values(deliver(adapters.delivery(source), outcomes, source)) == [b"first", b"second"]
    seen = read_values(adapters, output)
    assert set(seen) == {b"first", b"second"}
    if transactional:
        assert len(seen) == 2
    adapters.close()


@pytest.fixture
def transactional(kafka_bootstrap_servers: str) -> Iterator[KafkaAdapters]:
    adapters = KafkaAdapters(kafka_bootstrap_servers, transactional=True)
    yield adapters
    adapters.close()


def open_delivery(adapters: KafkaAdapters, source: Source) -> Transactional:
    delivery = adapters.delivery(source)
    assert isinstance(delivery, Transactional)
    return delivery


@pytest.mark.stack
@pytest.mark.parametrize("committed", [True, False])
def test_commit_in_doubt_is_resolved(
    transactional: KafkaAdapters, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """Whether the response of a commit was lost or the request, the retry delivers the batch, and each event once."""
    topic, output = transactional.topic(), transactional.topic(1)
    fill(transactional, topic, 10)
    source = transactional.source(topic, "g")
    outcomes = echoes(take(source, 10), output)
    delivery = open_delivery(transactional, source)
    commit_transaction = client_workarounds.commit_transaction

    def lose_response(producer: Any, timeout_seconds: float) -> None:
        monkeypatch.undo()
        if committed:
            commit_transaction(producer, timeout_seconds)
        raise errors.KafkaTimeoutError("the response was lost")

    monkeypatch.setattr(client_workarounds, "commit_transaction", lose_response)
    with pytest.raises(Unreachable, match="the response was lost"):
        delivery.deliver(outcomes, METADATA)
    assert list(deliver(delivery, outcomes, source)) == published(outcomes)
    source.close()
    fill(transactional, topic, 1, start=10)
    assert values(take(transactional.source(topic, "g"), 1)) == [b"v10"]
    assert read_values(transactional, output) == record_values(outcomes)


@pytest.mark.stack
def test_former_member_publishes_nothing(transactional: KafkaAdapters, monkeypatch: pytest.MonkeyPatch) -> None:
    """The group refuses offsets of an earlier generation, and no reader sees the events of their transaction."""
    topic, output = transactional.topic(), transactional.topic(1)
    fill(transactional, topic, 20)
    first = transactional.source(topic, "g")
    assert isinstance(first, KafkaSource)
    outcomes = echoes(take(first, 20), output)
    earlier_generation, _ = first.prepare_commit([])
    delivery = open_delivery(transactional, first)
    first.pause()
    second = transactional.source(topic, "g")
    settle(first, second, seen=lambda received: len(received) > 0)

    def prepare_stale_commit(messages: Sequence[Message]) -> tuple[ConsumerGroupMetadata, Mapping[Partition, int]]:
        return earlier_generation, next_offsets(messages)

    with monkeypatch.context() as patch:
        patch.setattr(first, "prepare_commit", prepare_stale_commit)
        with pytest.raises(Unreachable, match="IllegalGeneration"):
            delivery.deliver(outcomes, METADATA)
    delivered_by_first = deliver(delivery, outcomes, first, second)
    delivered_partitions = {delivered.message.partition for delivered in delivered_by_first}
    assert len(delivered_partitions) == 1, "the other partition is assigned to the second source"
    assert Counter(read_values(transactional, output)) == Counter(record_values(delivered_by_first))


@pytest.mark.stack
def test_batches_from_before_a_rebalance_are_read_again(transactional: KafkaAdapters) -> None:
    """A partition is revoked and assigned again while two batches are in flight: no message is lost or doubled.

    The second batch must not be committed: its offsets are behind messages that are read again.
    """
    topic, output = transactional.topic(), transactional.topic(1)
    fill(transactional, topic, 20)
    first = transactional.source(topic, "g")
    batch = take(first, 20)
    one, two = echoes(batch[:10], output), echoes(batch[10:], output)
    assert {message.partition for message in batch[:10]} & {message.partition for message in batch[10:]}
    delivery = open_delivery(transactional, first)
    second = transactional.source(topic, "g")
    settle(first, second, seen=lambda received: len(received) > 0)
    second.close()
    again = echoes(poll_until(lambda received: len(received) > 0, first), output)
    for outcomes in (one, two, again):
        deliver(delivery, outcomes, first)
    published_values = read_values(transactional, output)
    assert sorted(published_values, key=lambda value: value or b"") == values(batch)
    first.close()
    fill(transactional, topic, 1, start=20)
    assert values(take(transactional.source(topic, "g"), 1)) == [b"v20"]


@pytest.mark.stack
def test_successor_waits_for_the_end_of_an_open_transaction(transactional: KafkaAdapters) -> None:
    """The next owner neither skips nor repeats the batch of a worker that was killed within a transaction."""
    topic, output = transactional.topic(1), transactional.topic(1)
    fill(transactional, topic, 10)
    source = transactional.source(topic, "g")
    assert isinstance(source, KafkaSource)
    messages = take(source, 10)
    sink = KafkaSink(transactional.settings(), flush_timeout_seconds=FLUSH_SECONDS, transactional_id=f"id-of-{topic}")
    killed = sink.open()
    killed.begin_transaction()
    sink.send([outcome.record for outcome in echoes(messages, output) if outcome.record])
    sink.flush()
    group_metadata, offsets = source.prepare_commit(messages)
    client_workarounds.send_offsets_to_transaction(
        killed, to_client_offsets(offsets, METADATA), group_metadata, FLUSH_SECONDS
    )
    source.close()
    successor = transactional.source(topic, "g")
    for _ in range(4):
        assert list(successor.poll(0.5)) == []
    sink.close()
    assert sink.open() is not killed  # It has the same transactional id, like a restarted worker.
    sink.close()
    assert values(take(successor, 10)) == values(messages)
    outcomes = echoes(messages, output)
    deliver(open_delivery(transactional, successor), outcomes, successor)
    assert read_values(transactional, output) == record_values(outcomes)
