"""One suite for every Source and Sink: those over Kafka, and those in memory that replace it in unit tests."""

import random
import time
import uuid
from dataclasses import replace

import pytest
from kafka import KafkaConsumer

from reprise.errors import Unreachable
from reprise.kafka.clients import open_admin
from reprise.kafka.consumer import KafkaSource
from reprise.model import CorruptRecord, Message, OutputRecord
from tests.contract.adapters import (
    DEADLINE_SECONDS,
    PARTITIONS,
    POLL_SECONDS,
    Adapters,
    KafkaAdapters,
    deliver,
    fill,
    owned,
    poll_together,
    poll_until,
    settle,
    skipped,
    take,
    values,
)
from tests.contract.memory_broker import MAX_RECORD_BYTES


def test_records_are_received_as_sent(adapters: Adapters) -> None:
    """The broker keeps key, value, headers, the null value of a tombstone, and the order within a partition."""
    topic = adapters.topic()
    sent = fill(adapters, topic, 50)
    tombstone = OutputRecord(topic=topic, key=b"gone", value=None, headers=())
    sink = adapters.sink()
    sink.send([tombstone])
    sink.flush()
    messages = take(adapters.source(topic, "g"), 51)
    assert sorted((m.key, m.value, m.headers) for m in messages if m.value is not None) == sorted(
        (record.key, record.value, record.headers) for record in sent
    )
    assert [message.key for message in messages if message.value is None] == [b"gone"]
    for partition in range(PARTITIONS):
        offsets = [message.offset for message in messages if message.partition == partition]
        assert offsets == list(range(len(offsets)))


def test_poll_returns_at_most_batch_max_messages(adapters: Adapters) -> None:
    """A poll never returns more than batch_max messages, and all polls together return each message once."""
    topic = adapters.topic()
    fill(adapters, topic, 25)
    source = adapters.source(topic, "g", batch_max=10)
    sizes: list[int] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    while sum(sizes) < 25:
        assert time.monotonic() < deadline
        sizes.append(len(source.poll(POLL_SECONDS)))
    assert max(sizes) <= 10
    assert sum(sizes) == 25


def test_uncommitted_messages_are_read_again(adapters: Adapters) -> None:
    """If a source closes without a commit, the next source of the group reads its messages."""
    topic = adapters.topic()
    fill(adapters, topic, 20)
    first = adapters.source(topic, "g")
    messages = take(first, 20)
    first.close()
    assert values(take(adapters.source(topic, "g"), 20)) == values(messages)


def test_committed_messages_are_not_read_again(adapters: Adapters) -> None:
    """The next source of the group starts at the committed offsets, and another group at the beginning."""
    topic = adapters.topic()
    fill(adapters, topic, 20)
    first = adapters.source(topic, "g")
    deliver(adapters.delivery(first), skipped(take(first, 20)), first)
    first.close()
    fill(adapters, topic, 5, start=20)
    assert values(take(adapters.source(topic, "g"), 5)) == [b"v%d" % number for number in range(20, 25)]
    assert len(take(adapters.source(topic, "other"), 25)) == 25


def test_paused_source_returns_nothing_until_resumed(adapters: Adapters) -> None:
    """Polls of a paused source are empty; after `resume` it continues at its position."""
    topic = adapters.topic()
    fill(adapters, topic, 10)
    source = adapters.source(topic, "g")
    take(source, 10)
    source.pause()
    fill(adapters, topic, 10, start=10)
    assert [list(source.poll(0.2)) for _ in range(5)] == [[]] * 5
    source.resume()
    assert values(take(source, 10)) == [b"v%d" % number for number in range(10, 20)]


def test_pause_applies_to_partitions_assigned_later(adapters: Adapters) -> None:
    """A source that is paused before it joins the group returns nothing until `resume`."""
    topic = adapters.topic()
    fill(adapters, topic, 10)
    source = adapters.source(topic, "g")
    source.pause()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not owned(source):
        assert time.monotonic() < deadline
        assert list(source.poll(POLL_SECONDS)) == []
    assert [list(source.poll(0.2)) for _ in range(3)] == [[]] * 3
    source.resume()
    assert len(take(source, 10)) == 10


def test_members_of_a_group_share_the_partitions(adapters: Adapters) -> None:
    """Two members receive all messages together, and those of a partition only one of them."""
    topic = adapters.topic()
    first, second = adapters.source(topic, "g"), adapters.source(topic, "g")
    settle(first, second)
    fill(adapters, topic, 40)
    received: dict[int, list[Message | CorruptRecord]] = {0: [], 1: []}
    deadline = time.monotonic() + DEADLINE_SECONDS
    while sum(map(len, received.values())) < 40:
        assert time.monotonic() < deadline
        for number, batch in enumerate(poll_together(first, second)):
            received[number] += batch
    assert {m.partition for m in received[0]}.isdisjoint(m.partition for m in received[1])
    assert received[0]
    assert received[1]


def test_offsets_of_revoked_partitions_are_not_committed(adapters: Adapters) -> None:
    """The commit skips a partition that was reassigned to another member, and includes the rest."""
    topic = adapters.topic()
    fill(adapters, topic, 40)
    first = adapters.source(topic, "g")
    batch = take(first, 40)
    first.pause()
    second = adapters.source(topic, "g")
    settle(first, second, seen=lambda items: len(items) > 0)
    deliver(adapters.delivery(first), skipped(batch), first, second)
    first.close()
    second.close()
    read_again = {message.partition for message in take(adapters.source(topic, "g"), 1)}
    assert len(read_again) == 1, "the partition that stayed with the first source is committed, the other is not"


def test_corrupt_records_are_reported_and_skipped(adapters: Adapters) -> None:
    """Each corrupt record is returned once as a CorruptRecord, and every record beside it once as a Message."""
    topic = adapters.topic()
    fill(adapters, topic, 10)
    adapters.append_corrupt(topic)
    adapters.append_corrupt(topic)
    fill(adapters, topic, 10, start=10)
    source = adapters.source(topic, "g")
    received = poll_until(lambda items: len(items) >= 22, source)
    corrupt = [item for item in received if isinstance(item, CorruptRecord)]
    assert [item.partition for item in corrupt] == [0, 0]
    assert corrupt[1].offset == corrupt[0].offset + 1
    assert all(item.detail for item in corrupt)
    offsets = [(item.partition, item.offset) for item in received]
    assert sorted(offsets) == sorted(set(offsets))
    messages = [item for item in received if isinstance(item, Message)]
    assert values(messages) == sorted(b"v%d" % number for number in range(20))
    deliver(adapters.delivery(source), skipped(received), source)
    source.close()
    fill(adapters, topic, 1, start=20)
    assert values(take(adapters.source(topic, "g"), 1)) == [b"v20"]


@pytest.mark.stack
def test_corrupt_record_is_reported_after_a_pause(
    kafka_bootstrap_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a fetch from before a pause raises, the paused source returns nothing, and the record after `resume`."""
    adapters = KafkaAdapters(kafka_bootstrap_servers)
    topic = adapters.topic(1)
    source = adapters.source(topic, "g")
    assert isinstance(source, KafkaSource)
    assert list(source.poll(0.2)) == []
    adapters.append_corrupt(topic)
    source.pause()

    def fail_to_decode(*_: object, **__: object) -> dict[object, object]:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    with monkeypatch.context() as patch:
        patch.setattr(KafkaConsumer, "poll", fail_to_decode)
        assert list(source.poll(0.2)) == []
        assert list(source.poll(0.2)) == []
    source.resume()
    (item,) = poll_until(lambda items: len(items) > 0, source)
    assert isinstance(item, CorruptRecord)
    adapters.close()


def test_send_returns_the_indexes_of_records_too_large(adapters: Adapters) -> None:
    """`send` returns the index of each record above the limit, and sends the others."""
    topic = adapters.topic()
    small = OutputRecord(topic=topic, key=b"k", value=b"small", headers=())
    large = replace(small, value=b"x" * (MAX_RECORD_BYTES + 1))
    sink = adapters.sink()
    assert list(sink.send([small, large, small, large])) == [1, 3]
    sink.flush()
    assert values(take(adapters.source(topic, "g"), 2)) == [b"small", b"small"]


@pytest.mark.stack
def test_sink_finds_the_records_that_the_broker_refuses(kafka_bootstrap_servers: str) -> None:
    """Only the broker knows a topic's own limit; retries find its large records, and those beside them are sent."""
    adapters = KafkaAdapters(kafka_bootstrap_servers)
    topic, limited = adapters.topic(), f"t{uuid.uuid4().hex}"
    admin = open_admin(adapters.settings())
    admin.create_topics(
        {limited: {"num_partitions": 1, "replication_factor": 1, "configs": {"max.message.bytes": "5000"}}}
    )
    admin.close()
    small = [OutputRecord(topic=name, key=b"k", value=b"small", headers=()) for name in (topic, limited)]
    large = [OutputRecord(topic=limited, key=b"k", value=random.randbytes(20_000), headers=()) for _ in range(2)]
    sink = adapters.sink()
    records = [small[0], large[0], small[1], large[1]]
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            too_large = list(sink.send(records))
            sink.flush()
            break
        except Unreachable:
            assert time.monotonic() < deadline, "the sink did not find the large records"
    assert too_large == [1, 3]
    for name in (topic, limited):
        assert set(values(take(adapters.source(name, name), 1))) == {b"small"}
    adapters.close()


def test_flush_without_records_succeeds(adapters: Adapters) -> None:
    """A batch of tombstones sends nothing, and its flush succeeds."""
    sink = adapters.sink()
    assert list(sink.send([])) == []
    sink.flush()


@pytest.mark.stack
def test_join_that_ends_between_two_polls_takes_effect(
    kafka_bootstrap_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new partition is assigned, though the rebalance ends between two short polls; see fix_stuck_join."""
    opened: list[KafkaConsumer] = []

    class RecordedConsumer(KafkaConsumer):  # type: ignore[misc]  # published without type information
        def __init__(self, *topics: str, **options: object) -> None:
            super().__init__(*topics, **options)
            opened.append(self)

    monkeypatch.setattr("reprise.kafka.consumer.KafkaConsumer", RecordedConsumer)
    adapters = KafkaAdapters(kafka_bootstrap_servers)
    topic = adapters.topic()
    source = adapters.source(topic, "g")
    assert isinstance(source, KafkaSource)
    poll_until(lambda items: len(source.partitions()) == PARTITIONS, source)
    admin = open_admin(adapters.settings())
    admin.create_partitions({topic: PARTITIONS + 1})
    admin.close()
    # The client requests the update by itself when its metadata is five minutes old. Only its private fields show
    # when the join has ended.
    (client,) = opened
    client._cluster.request_update()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while client._coordinator._join_task is None:
        assert time.monotonic() < deadline
        source.poll(0.001)
    while not client._coordinator._join_task.is_done:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    poll_until(lambda items: len(source.partitions()) == PARTITIONS + 1, source)
    adapters.close()
