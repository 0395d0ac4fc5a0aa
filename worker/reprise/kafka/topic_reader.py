"""Read a whole topic, or one record of it, outside any consumer group."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from kafka import KafkaConsumer, TopicPartition

from reprise.errors import Fatal, RepriseError, Unreachable
from reprise.kafka.clients import client_options, close_quietly, connect
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.kafka.conversions import milliseconds, to_message
from reprise.messages.dead_letters import RecordPosition
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
    with _open_consumer(settings, topic) as (consumer, numbers):
        partitions = [TopicPartition(topic, number) for number in numbers]
        ends = consumer.end_offsets(partitions, timeout_ms=milliseconds(_REQUEST_SECONDS))
        for partition in partitions:
            yield from _read_partition(consumer, partition, ends[partition])


def read_record(settings: KafkaSettings, position: RecordPosition) -> Message:
    """Return the record at a position. Raises Unreachable, and Fatal if there is no such record."""
    with _open_consumer(settings, position.topic) as (consumer, numbers):
        if position.partition not in numbers:
            raise Fatal(f"topic {position.topic} has no partition {position.partition}; it has {len(numbers)}")
        partition = TopicPartition(position.topic, position.partition)
        timeout_ms = milliseconds(_REQUEST_SECONDS)
        first = consumer.beginning_offsets([partition], timeout_ms=timeout_ms)[partition]
        end = consumer.end_offsets([partition], timeout_ms=timeout_ms)[partition]
        if not first <= position.offset < end:
            held = f"holds the offsets {first} to {end - 1}" if first < end else "is empty"
            raise Fatal(f"no record at {position}: the partition {held}")
        found = next(_read_partition(consumer, partition, position.offset + 1, position.offset), None)
        if found is None:
            raise Fatal(
                f"no record at {position}: a mark of a transaction, an aborted record, or one that was compacted"
            )
        return found


@contextmanager
def _open_consumer(settings: KafkaSettings, topic: str) -> Iterator[tuple[KafkaConsumer, Sequence[int]]]:
    """Open a consumer; yield it with the numbers of the topic's partitions. Raises Unreachable, Fatal."""
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
        numbers = sorted(consumer.partitions_for_topic(topic) or ())
        if not numbers:
            raise Fatal(f"topic {topic} does not exist")
        yield consumer, numbers
    except RepriseError:
        raise
    except Exception as error:
        raise translate_kafka_error(error, f"reading {topic}") from error
    finally:
        close_quietly(lambda: consumer.close(autocommit=False, timeout_ms=milliseconds(_POLL_SECONDS)))


def _read_partition(
    consumer: KafkaConsumer, partition: TopicPartition, end: int, start: int | None = None
) -> Iterator[Message]:
    """Yield the records of a partition from `start`, by default its first one, up to `end`."""
    consumer.assign([partition])
    if start is None:
        consumer.seek_to_beginning(partition)
    else:
        consumer.seek(partition, start)
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
