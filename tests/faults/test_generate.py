"""Outages of Kafka while `reprise generate` publishes."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from tests.faults.breakable_servers import BreakableBroker
from tests.support import reprise_command, wait_until, worker_environment

#: Seconds for one step of a broker on a busy machine.
SECONDS = 60.0

#: Ten seconds of a crawl, so that the broker is killed in its middle, also on a busy machine.
MESSAGES, RATE = 10_000, 1_000


@pytest.fixture
def partition() -> TopicPartition:
    return TopicPartition(f"generated-{uuid4().hex[:8]}", 0)


@pytest.fixture
def generator(broker: BreakableBroker, partition: TopicPartition) -> "Iterator[subprocess.Popen[str]]":
    """Yield a generator whose first articles are in the topic. The broker runs again after the test."""
    admin = KafkaAdminClient(bootstrap_servers=broker.address)
    admin.create_topics({partition.topic: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    admin.close()
    settings = {"REPRISE_KAFKA_BOOTSTRAP_SERVERS": broker.address, "REPRISE_FLUSH_TIMEOUT_SECONDS": "1"}
    options = ["--count", str(MESSAGES), "--rate", str(RATE), "--words", "40", "--duplicates", "0"]
    with subprocess.Popen(
        [*reprise_command(), "generate", *options, "--topic", partition.topic],
        env=worker_environment(settings),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            wait_until(lambda: _end(broker, partition) > 0, SECONDS, "the first articles")
            yield process
        finally:
            process.kill()
            if broker.process is None or broker.process.poll() is not None:
                broker.start()


def test_kafka_is_killed_under_a_crawl(
    broker: BreakableBroker, generator: "subprocess.Popen[str]", partition: TopicPartition
) -> None:
    """The command reports that it waits, sends unacknowledged articles again and ends with 0. No article is missing."""
    _kill(broker, generator)
    broker.start()
    assert generator.stderr is not None
    last = generator.stderr.read().splitlines()[-1]
    assert generator.wait(timeout=SECONDS) == 0, last
    assert last.startswith(f"reprise: generated {MESSAGES:,} messages")
    assert list(dict.fromkeys(_ids(broker, partition))) == [f"a0-{number}" for number in range(MESSAGES)]


def test_a_crawl_that_waits_for_kafka_can_be_stopped(
    broker: BreakableBroker, generator: "subprocess.Popen[str]"
) -> None:
    """SIGTERM ends the wait. A batch is unpublished, so the exit code is 1 and a line reports it."""
    _kill(broker, generator)
    generator.send_signal(signal.SIGTERM)
    assert generator.stderr is not None
    last = generator.stderr.read().splitlines()[-1]
    assert (generator.wait(timeout=SECONDS), last) == (
        1,
        "reprise: stopped while Kafka was unreachable; the last batch was not published",
    )


def _kill(broker: BreakableBroker, generator: "subprocess.Popen[str]") -> None:
    """Kill the broker and wait until the generator reports that it waits."""
    broker.kill()
    assert generator.stderr is not None
    assert any(line.startswith("reprise: waiting: ") for line in generator.stderr)


def _end(broker: BreakableBroker, partition: TopicPartition) -> int:
    with closing(KafkaConsumer(bootstrap_servers=broker.address)) as consumer:
        return int(consumer.end_offsets([partition])[partition])


def _ids(broker: BreakableBroker, partition: TopicPartition) -> list[str]:
    """Return the ids of the articles in the topic, in its order."""
    ids: list[str] = []
    end = _end(broker, partition)
    with closing(KafkaConsumer(bootstrap_servers=broker.address)) as consumer:
        consumer.assign([partition])
        consumer.seek(partition, 0)

        def is_complete() -> bool:
            for records in consumer.poll(timeout_ms=200).values():
                ids.extend(json.loads(record.value)["id"] for record in records)
            return len(ids) >= end

        wait_until(is_complete, SECONDS, "the end of the topic")
    return ids
