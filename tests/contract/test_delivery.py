"""One suite for every Delivery, and what a transaction adds to it."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from kafka import errors
from kafka.structs import ConsumerGroupMetadata

from reprise.errors import Fatal, Unreachable
from reprise.kafka import transactions
from reprise.kafka.clients import open_admin
from reprise.kafka.consumer import KafkaSource, offsets
from reprise.kafka.transactional import Transactional
from reprise.model import CorruptRecord, Delivered, Message, Outcome, OutputRecord
from reprise.processing.batch import next_offsets
from reprise.processing.ports import Source
from tests.contract.adapters import METADATA, IndexAdapter, KafkaWorld, deliver, fill, poll_until, settle, take, values
from tests.contract.memory_broker import MAX_RECORD_BYTES

#: Bytes that the topic of small records takes; what is larger is refused by the broker, not by the client.
SMALL_BYTES = 2_000


def outcome_of(message: Message | CorruptRecord, topic: str, *values: bytes) -> Outcome:
    """Return the outcome of a message: a record with the first value, and fallbacks with the others."""
    key = b"%d-%d" % (message.partition, message.offset)
    records = [OutputRecord(topic=topic, key=key, value=value, headers=()) for value in values]
    return Outcome(message=message, record=records[0], fallbacks=tuple(records[1:]))


def published(outcomes: Sequence[Outcome]) -> list[Delivered]:
    """Return the deliveries of outcomes whose records fit their topic."""
    return [Delivered(message=outcome.message, record=outcome.record) for outcome in outcomes]


def values_of(outcomes: Sequence[Outcome | Delivered]) -> list[bytes | None]:
    return [outcome.record.value for outcome in outcomes if outcome.record]


def echoes(messages: Sequence[Message | CorruptRecord], topic: str) -> list[Outcome]:
    return [outcome_of(message, topic, message.value or b"") for message in messages if isinstance(message, Message)]


def everything(world: IndexAdapter, topic: str, count: int) -> list[bytes | None]:
    """What a `read_committed` reader sees of a topic, up to a last record that is written for it to wait for."""
    sink = world.sink()
    sink.send([OutputRecord(topic=topic, key=None, value=b"end", headers=())])
    sink.flush()
    reader = world.source(topic, f"reader-of-{topic}-{count}")
    got = poll_until(lambda messages: any(m.value == b"end" for m in messages if isinstance(m, Message)), reader)
    reader.close()
    return [m.value for m in got if isinstance(m, Message) and m.value != b"end"]


def test_what_is_delivered_is_told_and_committed(world: IndexAdapter) -> None:
    """Every outcome is told once, in order, and the next source of the group begins behind the batch."""
    topic, output = world.topic(), world.topic(1)
    fill(world, topic, 10)
    source = world.source(topic, "g")
    outcomes = echoes(take(source, 10), output)
    assert list(deliver(world.delivery(source), outcomes, source)) == published(outcomes)
    source.close()
    fill(world, topic, 1, start=10)
    assert values(take(world.source(topic, "g"), 1)) == [b"v10"]
    assert everything(world, output, 10) == values_of(outcomes)


def test_a_batch_that_leads_to_nothing_is_committed(world: IndexAdapter) -> None:
    """Tombstones alone move the position all the same."""
    topic = world.topic()
    fill(world, topic, 5)
    source = world.source(topic, "g")
    outcomes = [Outcome(message=message) for message in take(source, 5)]
    assert len(deliver(world.delivery(source), outcomes, source)) == 5
    source.close()
    fill(world, topic, 1, start=5)
    assert values(take(world.source(topic, "g"), 1)) == [b"v5"]


def test_a_note_is_kept_with_the_position(world: IndexAdapter) -> None:
    """Whoever gets the partitions next is given what was noted last; where nothing was, an empty note."""
    topic, partitions = world.topic(), {0, 1}
    fill(world, topic, 20)
    source = world.source(topic, "g")
    messages = take(source, 20)
    assert {message.partition for message in messages} == partitions
    assert list(source.read_offset_metadata()) == ["", ""]
    deliver(world.delivery(source), [Outcome(message=message) for message in messages], source)
    source.close()
    fill(world, topic, 20, start=20)
    successor = world.source(topic, "g")
    take(successor, 20)
    assert list(successor.read_offset_metadata()) == [METADATA, METADATA]


def test_one_delivery_follows_another(world: IndexAdapter) -> None:
    """The batches of a stream are told one after the other by one producer."""
    topic, output = world.topic(1), world.topic(1)
    source = world.source(topic, "g")
    delivery = world.delivery(source)
    for start in range(0, 15, 5):
        fill(world, topic, 5, start=start)
        deliver(delivery, echoes(take(source, 5), output), source)
    assert everything(world, output, 15) == [b"v%d" % number for number in range(15)]


def test_of_what_is_too_large_the_next_smaller_is_told(world: IndexAdapter) -> None:
    """An event past the limit becomes its dead letter, that its notice, and the neighbours are told once."""
    topic, output = world.topic(1), world.topic(1)
    fill(world, topic, 3)
    source = world.source(topic, "g")
    first, second, third = take(source, 3)
    large = b"x" * (MAX_RECORD_BYTES + 1)
    outcomes = [
        outcome_of(first, output, b"first"),
        outcome_of(second, output, large, b"second"),
        outcome_of(third, output, large, large, b"third"),
    ]
    assert values_of(deliver(world.delivery(source), outcomes, source)) == [b"first", b"second", b"third"]
    assert sorted(everything(world, output, 3)) == [b"first", b"second", b"third"]


def test_where_nothing_fits_nothing_is_committed(world: IndexAdapter) -> None:
    """Without any record that its topic takes, the worker stops, and the batch is read again."""
    topic, output = world.topic(1), world.topic(1)
    fill(world, topic, 2)
    source = world.source(topic, "g")
    first, second = take(source, 2)
    with pytest.raises(Fatal, match="too large for its topic"):
        deliver(
            world.delivery(source),
            [outcome_of(first, output, b"1"), outcome_of(second, output, b"x" * 2_000_000)],
            source,
        )
    source.close()
    assert values(take(world.source(topic, "g"), 2)) == [b"v0", b"v1"]


@pytest.mark.stack
@pytest.mark.parametrize("transactional", [False, True])
def test_what_the_broker_finds_too_large_is_told_smaller(kafka_bootstrap_servers: str, transactional: bool) -> None:
    """A topic whose limit is below the client's refuses a batch; told again, it goes out with the smaller record."""
    world = KafkaWorld(kafka_bootstrap_servers, transactional=transactional)
    topic, output = world.topic(1), f"{world.topic(1)}.small"
    admin = open_admin(world.settings())
    small = {"num_partitions": 1, "replication_factor": 1, "configs": {"max.message.bytes": str(SMALL_BYTES)}}
    admin.create_topics({output: small}, wait_for_metadata=True)
    admin.close()
    fill(world, topic, 2)
    source = world.source(topic, "g")
    first, second = take(source, 2)
    large = random.Random(1).randbytes(4 * SMALL_BYTES)  # nothing that a codec could make fit
    outcomes = [outcome_of(first, output, b"first"), outcome_of(second, output, large, b"second")]
    assert values_of(deliver(world.delivery(source), outcomes, source)) == [b"first", b"second"]
    seen = everything(world, output, 2)
    assert set(seen) == {b"first", b"second"}
    if transactional:
        assert len(seen) == 2
    world.close()


@pytest.fixture
def transactional(kafka_bootstrap_servers: str) -> Iterator[KafkaWorld]:
    world = KafkaWorld(kafka_bootstrap_servers, transactional=True)
    yield world
    world.close()


def opened(world: KafkaWorld, source: Source) -> Transactional:
    delivery = world.delivery(source)
    assert isinstance(delivery, Transactional)
    return delivery


@pytest.mark.stack
@pytest.mark.parametrize("committed", [True, False])
def test_a_commit_in_doubt_is_found_out(
    transactional: KafkaWorld, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """Whether the answer of a commit was lost or the request, each event is told once and the batch is delivered."""
    topic, output = transactional.topic(), transactional.topic(1)
    fill(transactional, topic, 10)
    source = transactional.source(topic, "g")
    outcomes = echoes(take(source, 10), output)
    delivery = opened(transactional, source)
    commit = transactions.commit

    def lost(producer: Any, seconds: float) -> None:
        monkeypatch.undo()
        if committed:
            commit(producer, seconds)
        raise errors.KafkaTimeoutError("the answer was lost")

    monkeypatch.setattr(transactions, "commit", lost)
    with pytest.raises(Unreachable, match="the answer was lost"):
        delivery.deliver(outcomes, METADATA)
    assert list(deliver(delivery, outcomes, source)) == published(outcomes)
    source.close()
    fill(transactional, topic, 1, start=10)
    assert values(take(transactional.source(topic, "g"), 1)) == [b"v10"]
    assert everything(transactional, output, 10) == values_of(outcomes)


@pytest.mark.stack
def test_a_member_of_the_past_tells_nothing(transactional: KafkaWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Positions with a generation that is over are refused, and the events that went with them are never seen."""
    topic, output = transactional.topic(), transactional.topic(1)
    fill(transactional, topic, 20)
    first = transactional.source(topic, "g")
    assert isinstance(first, KafkaSource)
    outcomes = echoes(take(first, 20), output)
    past = first.claim([])[0]
    delivery = opened(transactional, first)
    first.pause()
    second = transactional.source(topic, "g")
    settle(first, second, seen=lambda got: len(got) > 0)

    def stale(messages: Sequence[Message]) -> tuple[ConsumerGroupMetadata, Mapping[tuple[str, int], int]]:
        return past, next_offsets(messages)

    with monkeypatch.context() as zombie:
        zombie.setattr(first, "claim", stale)
        with pytest.raises(Unreachable, match="IllegalGeneration"):
            delivery.deliver(outcomes, METADATA)
    delivered_by_first = deliver(delivery, outcomes, first, second)
    assert len({each.message.partition for each in delivered_by_first}) == 1, "the other partition is the second's"
    assert sorted(everything(transactional, output, 1)) == sorted(values_of(delivered_by_first))


@pytest.mark.stack
def test_what_was_read_before_a_rebalance_is_told_as_it_comes_again(transactional: KafkaWorld) -> None:
    """With two batches in hand a partition goes and comes back: none of it is skipped or doubled.

    The second must not pass for ours: its positions lie behind messages that come again.
    """
    topic, output = transactional.topic(), transactional.topic(1)
    fill(transactional, topic, 20)
    first = transactional.source(topic, "g")
    batch = take(first, 20)
    one, two = echoes(batch[:10], output), echoes(batch[10:], output)
    assert {message.partition for message in batch[:10]} & {message.partition for message in batch[10:]}
    delivery = opened(transactional, first)
    second = transactional.source(topic, "g")
    settle(first, second, seen=lambda got: len(got) > 0)
    second.close()
    again = echoes(poll_until(lambda got: len(got) > 0, first), output)
    for outcomes in (one, two, again):
        deliver(delivery, outcomes, first)
    told_values = everything(transactional, output, 1)
    assert sorted(told_values, key=lambda value: value or b"") == values(batch)
    first.close()
    fill(transactional, topic, 1, start=20)
    assert values(take(transactional.source(topic, "g"), 1)) == [b"v20"]


@pytest.mark.stack
def test_an_open_transaction_is_ended_before_its_offsets_are_used(transactional: KafkaWorld) -> None:
    """A successor neither skips nor repeats what a dead worker had in a transaction: it waits for the end of it."""
    topic, output = transactional.topic(1), transactional.topic(1)
    fill(transactional, topic, 10)
    source = transactional.source(topic, "g")
    assert isinstance(source, KafkaSource)
    messages = take(source, 10)
    delivery = opened(transactional, source)
    producer = delivery._sink.open()
    producer.begin_transaction()
    delivery._sink.send([outcome.record for outcome in echoes(messages, output) if outcome.record])
    delivery._sink.flush()
    member, ours = source.claim(messages)
    transactions._within(
        10.0, producer, lambda manager: manager.send_offsets_to_transaction(offsets(ours, METADATA), member)
    )
    source.close()
    successor = transactional.source(topic, "g")
    for _ in range(4):
        assert list(successor.poll(0.5)) == []
    delivery._sink.close()
    assert delivery._sink.open() is not producer  # as a restart with the same name does
    assert values(take(successor, 10)) == values(messages)
    outcomes = echoes(messages, output)
    again = opened(transactional, successor)
    deliver(again, outcomes, successor)
    assert everything(transactional, output, 10) == values_of(outcomes)
