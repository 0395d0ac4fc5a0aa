"""Messages that Kafka deleted before the group had read them are reported, over a real broker."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from kafka import TopicPartition

from reprise.kafka.clients import open_admin
from tests.contract.adapters import POLL_SECONDS, KafkaAdapters, deliver, fill, poll_until, skipped, take, values

pytestmark = pytest.mark.stack


@pytest.fixture
def adapters(kafka_bootstrap_servers: str) -> Iterator[KafkaAdapters]:
    adapters = KafkaAdapters(kafka_bootstrap_servers)
    yield adapters
    adapters.close()


def delete_before(adapters: KafkaAdapters, topic: str, offset: int) -> None:
    """Delete the records before an offset, as retention does."""
    with closing(open_admin(adapters.settings())) as admin:
        admin.delete_records({TopicPartition(topic, 0): offset}, timeout_ms=10_000)


def test_retention_moves_past_the_committed_offset(adapters: KafkaAdapters) -> None:
    """A group that was away longer than the retention reads on at the first message that is left."""
    topic = adapters.topic(1)
    fill(adapters, topic, 10)
    source = adapters.source(topic, "g", batch_max=3)
    first = take(source, 3)[:3]
    deliver(adapters.delivery(source), skipped(first), source)
    source.close()
    delete_before(adapters, topic, 7)
    assert values(take(adapters.source(topic, "g"), 3)) == [b"v7", b"v8", b"v9"]
    assert adapters.skipped == [((topic, 0), 3, 7)]


def test_retention_moves_past_the_position_of_a_running_worker(adapters: KafkaAdapters) -> None:
    """A worker that was paused longer than the retention reports the gap once, and its lag has no gap."""
    topic = adapters.topic(1)
    fill(adapters, topic, 10)
    source = adapters.source(topic, "g")
    read = take(source, 10)
    deliver(adapters.delivery(source), skipped(read), source)
    source.pause()
    source.poll(POLL_SECONDS)
    fill(adapters, topic, 10, start=10)
    delete_before(adapters, topic, 15)
    source.resume()
    assert values(take(source, 5)) == [b"v15", b"v16", b"v17", b"v18", b"v19"]
    assert adapters.skipped == [((topic, 0), 10, 15)]


def test_a_first_start_and_a_rebalance_report_nothing(adapters: KafkaAdapters) -> None:
    """Messages that were deleted before the group existed were never promised; committed ones are not skipped."""
    topic = adapters.topic(1)
    fill(adapters, topic, 10)
    delete_before(adapters, topic, 4)
    source = adapters.source(topic, "g")
    received = poll_until(lambda messages: len(messages) >= 6, source)
    deliver(adapters.delivery(source), skipped(received), source)
    source.close()
    fill(adapters, topic, 1, start=10)
    assert values(take(adapters.source(topic, "g"), 1)) == [b"v10"]
    assert adapters.skipped == []
