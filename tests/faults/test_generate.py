"""A generator whose Kafka goes away in the middle of a crawl."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from tests.faults.servers import Broker
from tests.support import reprise_command, wait_until, worker_environment

#: Seconds for what a broker on a busy machine does at once.
SECONDS = 60.0

#: Ten seconds of a crawl: enough to be in the middle of it when the broker is killed, also on a busy machine.
MESSAGES, RATE = 10_000, 1_000


@pytest.fixture
def partition() -> TopicPartition:
    return TopicPartition(f"generated-{uuid4().hex[:8]}", 0)


@pytest.fixture
def generator(broker: Broker, partition: TopicPartition) -> "Iterator[subprocess.Popen[str]]":
    """Give a generator whose first articles are in the topic; the broker is up again afterwards."""
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
    broker: Broker, generator: "subprocess.Popen[str]", partition: TopicPartition
) -> None:
    """It says that it waits, sends again what was not acknowledged, and ends well; no article is missing."""
    _kill(broker, generator)
    broker.start()
    assert generator.stderr is not None
    last = generator.stderr.read().splitlines()[-1]
    assert generator.wait(timeout=SECONDS) == 0, last
    assert last.startswith(f"reprise: generated {MESSAGES:,} messages")
    assert list(dict.fromkeys(_ids(broker, partition))) == [f"a0-{number}" for number in range(MESSAGES)]


def test_a_crawl_that_waits_for_kafka_can_be_stopped(broker: Broker, generator: "subprocess.Popen[str]") -> None:
    """A signal ends the wait, and as a batch is undelivered the exit code is 1, with one line more."""
    _kill(broker, generator)
    generator.send_signal(signal.SIGTERM)
    assert generator.stderr is not None
    last = generator.stderr.read().splitlines()[-1]
    assert (generator.wait(timeout=SECONDS), last) == (
        1,
        "reprise: stopped while Kafka was unreachable; the last batch was not published",
    )


def _kill(broker: Broker, generator: "subprocess.Popen[str]") -> None:
    """Kill the broker and return when the generator has said that it waits for it."""
    broker.kill()
    assert generator.stderr is not None
    assert any(line.startswith("reprise: waiting: ") for line in generator.stderr)


def _end(broker: Broker, partition: TopicPartition) -> int:
    with closing(KafkaConsumer(bootstrap_servers=broker.address)) as consumer:
        return int(consumer.end_offsets([partition])[partition])


def _ids(broker: Broker, partition: TopicPartition) -> list[str]:
    """Give the id of each article in the topic, in its order."""
    found: list[str] = []
    end = _end(broker, partition)
    with closing(KafkaConsumer(bootstrap_servers=broker.address)) as consumer:
        consumer.assign([partition])
        consumer.seek(partition, 0)

        def everything() -> bool:
            for records in consumer.poll(timeout_ms=200).values():
                found.extend(json.loads(record.value)["id"] for record in records)
            return len(found) >= end

        wait_until(everything, SECONDS, "the end of the topic")
    return found
