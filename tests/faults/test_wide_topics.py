"""A topic with 1,000 partitions, over connections with a round trip of 100 ms."""

import time
from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from deploy.local.stack import wait_until
from reprise.kafka.consumer import KafkaSource
from reprise.kafka.group_monitor import GroupMonitor
from reprise.model import CorruptRecord, Message
from reprise.settings.groups import KafkaSettings
from tests.faults.breakable_servers import BreakableBroker
from tests.faults.proxy import Proxy

PARTITIONS = 1_000

#: Delay of each chunk, to the broker and back, in seconds.
DELAY_SECONDS = 0.05

#: Seconds for reading the committed offsets of all partitions: some round trips on a busy machine.
REQUEST_SECONDS = 4.0

#: Seconds for the first assignment, and until a new partition is assigned.
ASSIGNMENT_SECONDS = 60.0


@pytest.fixture
def topic(broker: BreakableBroker) -> Iterator[str]:
    name = f"wide{uuid4().hex[:12]}"
    with closing(KafkaAdminClient(bootstrap_servers=broker.address, request_timeout_ms=60_000)) as admin:
        admin.create_topics({name: {"num_partitions": PARTITIONS, "replication_factor": 1}}, wait_for_metadata=True)
        yield name
        admin.delete_topics([name])


@pytest.fixture
def slow_address(broker: BreakableBroker, broker_proxy: Proxy) -> Iterator[str]:
    broker_proxy.delay_seconds = DELAY_SECONDS
    yield f"127.0.0.1:{broker_proxy.port}"
    broker_proxy.delay_seconds = 0.0


def open_source(settings: KafkaSettings, topic: str) -> KafkaSource:
    return KafkaSource(
        settings,
        [topic],
        batch_max=500,
        max_message_bytes=1_000_000,
        on_rebalance=lambda: None,
        on_rebalanced=lambda _: None,
        on_skipped=lambda *_: None,
    )


def test_a_worker_starts_on_a_wide_topic_over_a_slow_link(
    broker: BreakableBroker, slow_address: str, topic: str
) -> None:
    """It reads the metadata of all committed offsets with one request, and notices a new partition within a minute."""
    settings = KafkaSettings(bootstrap_servers=slow_address, group_id=topic, session_timeout_seconds=30.0)
    with closing(KafkaProducer(bootstrap_servers=broker.address)) as producer:
        for partition in range(0, PARTITIONS, 10):
            producer.send(topic, value=b"x", partition=partition)
        producer.flush(timeout=30)
    with closing(open_source(settings, topic)) as source:
        received: list[Message | CorruptRecord] = []

        def poll(partitions: int) -> bool:
            received.extend(source.poll(0.2))
            return len(source.partitions()) == partitions

        wait_until(lambda: poll(PARTITIONS), ASSIGNMENT_SECONDS, "all partitions")
        wait_until(lambda: poll(PARTITIONS) and len(received) >= 100, ASSIGNMENT_SECONDS, "the messages")
        source.commit(received, "metadata", 30.0)
        start = time.monotonic()
        metadata = source.read_offset_metadata()
        assert time.monotonic() - start < REQUEST_SECONDS
        assert (len(metadata), metadata.count("metadata")) == (PARTITIONS, 100)
        monitor = GroupMonitor(settings, topic, topic)
        start = time.monotonic()
        assert len(monitor.read_state().offsets) == 100
        assert time.monotonic() - start < REQUEST_SECONDS
        monitor.close()
        with closing(KafkaAdminClient(bootstrap_servers=broker.address)) as admin:
            admin.create_partitions({topic: PARTITIONS + 1})
        wait_until(lambda: poll(PARTITIONS + 1), ASSIGNMENT_SECONDS, "the new partition")
