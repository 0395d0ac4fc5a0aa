"""A generator whose Kafka goes away in the middle of a crawl."""

import json
import subprocess
from contextlib import closing

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from tests.faults.servers import Broker
from tests.support import reprise_command, wait_until, worker_environment

#: Seconds for what a broker on a busy machine does at once.
SECONDS = 60.0

TOPIC = "generated"
PARTITION = TopicPartition(TOPIC, 0)
MESSAGES = 3000


def test_kafka_is_killed_under_a_crawl(broker: Broker) -> None:
    """It says that it waits, sends again what was not acknowledged, and ends well; no article is missing."""
    admin = KafkaAdminClient(bootstrap_servers=broker.address)
    admin.create_topics({TOPIC: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    admin.close()
    settings = {"REPRISE_KAFKA_BOOTSTRAP_SERVERS": broker.address, "REPRISE_FLUSH_TIMEOUT_SECONDS": "1"}
    options = ["--count", str(MESSAGES), "--rate", "500", "--words", "40", "--duplicates", "0", "--topic", TOPIC]
    with subprocess.Popen(
        [*reprise_command(), "generate", *options],
        env=worker_environment(settings),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until(lambda: _end(broker) > 0, SECONDS, "the first articles")
        broker.kill()
        try:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("reprise: waiting: ")
        finally:
            broker.start()
        last = process.stderr.read().splitlines()[-1]
        assert process.wait(timeout=SECONDS) == 0, last
    assert last.startswith(f"reprise: generated {MESSAGES:,} messages")
    assert list(dict.fromkeys(_ids(broker))) == [f"a0-{number}" for number in range(MESSAGES)]


def _end(broker: Broker) -> int:
    with closing(KafkaConsumer(bootstrap_servers=broker.address)) as consumer:
        return int(consumer.end_offsets([PARTITION])[PARTITION])


def _ids(broker: Broker) -> list[str]:
    """Give the id of each article in the topic, in its order."""
    found: list[str] = []
    end = _end(broker)
    with closing(KafkaConsumer(bootstrap_servers=broker.address)) as consumer:
        consumer.assign([PARTITION])
        consumer.seek(PARTITION, 0)

        def everything() -> bool:
            for records in consumer.poll(timeout_ms=200).values():
                found.extend(json.loads(record.value)["id"] for record in records)
            return len(found) >= end

        wait_until(everything, SECONDS, "the end of the topic")
    return found
