"""Read a whole topic, from its first record to the ends at the time of the call, outside any consumer group."""

import time
from collections.abc import Iterator
from typing import Final

from kafka import KafkaConsumer, TopicPartition

from reprise.errors import Fatal, RepriseError, Unreachable
from reprise.kafka.clients import client_options, close_quietly, connect
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.kafka.conversions import milliseconds, to_message
from reprise.model import Message
from reprise.settings.groups import KafkaSettings

#: Seconds that one poll waits for records; the stall timeout is checked between polls.
_POLL_SECONDS: Final = 1.0

#: Largest number of records of one poll, which bounds the memory.
_MAX_RECORDS: Final = 500

#: Seconds for one request about partitions or offsets; a running broker needs a few milliseconds.
_REQUEST_SECONDS: Final = 30.0

#: Seconds without progress after which the read fails: longer than the election of a partition's leader.
_STALL_SECONDS: Final = 30.0


def read_topic(settings: KafkaSettings, topic: str) -> Iterator[Message]:
    """Yield every record of a topic, partition by partition, in order, up to the ends at the time of the call.

    Records of open and of aborted transactions are left out. Raises Unreachable, and Fatal where the topic does not
    exist.
    """
    options = client_options(settings) | {
        "group_id": None,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "isolation_level": "read_committed",
        "max_poll_records": _MAX_RECORDS,
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }
    consumer = connect(lambda: KafkaConsumer(**options), settings)
    try:
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        if not partitions:
            raise Fatal(f"topic {topic} does not exist")
        ends = consumer.end_offsets(partitions, timeout_ms=milliseconds(_REQUEST_SECONDS))
        for partition in partitions:
            yield from _read_partition(consumer, partition, ends[partition])
    except RepriseError:
        raise
    except Exception as error:
        raise translate_kafka_error(error, f"reading {topic}") from error
    finally:
        close_quietly(lambda: consumer.close(autocommit=False, timeout_ms=milliseconds(_POLL_SECONDS)))


def _read_partition(consumer: KafkaConsumer, partition: TopicPartition, end: int) -> Iterator[Message]:
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    progressed_at, last_position = time.monotonic(), -1
    while (position := consumer.position(partition, timeout_ms=milliseconds(_REQUEST_SECONDS))) < end:
        if position != last_position:
            progressed_at, last_position = time.monotonic(), position
        elif time.monotonic() - progressed_at > _STALL_SECONDS:
            raise Unreachable(
                f"Kafka returned no record for {_STALL_SECONDS:g} s at "
                f"{partition.topic}, partition {partition.partition}, offset {position}"
            )
        for records in consumer.poll(timeout_ms=milliseconds(_POLL_SECONDS)).values():
            yield from (to_message(record) for record in records if record.offset < end)
