"""A whole topic as it stands: every record from the first to the end at the time of asking, outside any group."""

import time
from collections.abc import Iterator
from typing import Final

from kafka import KafkaConsumer, TopicPartition

from reprise.errors import Fatal, RepriseError, Unreachable
from reprise.kafka.clients import (
    client_options,
    close_quietly,
    connect,
    milliseconds,
)
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.kafka.consumer import message_of
from reprise.model import Message
from reprise.settings.groups import KafkaSettings

#: Seconds of one poll: the pause between two looks at the deadline.
_POLL_SECONDS: Final = 1.0

#: Records of one poll, the most that is held in memory.
_MAX_RECORDS: Final = 500

#: Seconds for an answer about partitions and offsets; a broker that lives needs a few milliseconds.
_ANSWER_SECONDS: Final = 30.0

#: Seconds without a record after which the rest is given up: longer than a leader's election.
_STALL_SECONDS: Final = 30.0


def read_log(settings: KafkaSettings, topic: str) -> Iterator[Message]:
    """Give every record of a topic, partition by partition, in order, up to the ends that it had at the call.

    What an open transaction holds back, and what an aborted one wrote, is left out. Raises Unreachable, and Fatal
    where there is no such topic.
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
            raise Fatal(f"there is no topic {topic}")
        ends = consumer.end_offsets(partitions, timeout_ms=milliseconds(_ANSWER_SECONDS))
        for partition in partitions:
            yield from _read(consumer, partition, ends[partition])
    except RepriseError:
        raise
    except Exception as error:
        raise translate_kafka_error(error, f"reading {topic}") from error
    finally:
        close_quietly(lambda: consumer.close(autocommit=False, timeout_ms=milliseconds(_POLL_SECONDS)))


def _read(consumer: KafkaConsumer, partition: TopicPartition, end: int) -> Iterator[Message]:
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    heard, position = time.monotonic(), -1
    while (now_at := consumer.position(partition, timeout_ms=milliseconds(_ANSWER_SECONDS))) < end:
        if now_at != position:
            heard, position = time.monotonic(), now_at
        elif time.monotonic() - heard > _STALL_SECONDS:
            where = f"{partition.topic}, partition {partition.partition}, offset {now_at}"
            raise Unreachable(f"Kafka gave nothing for {_STALL_SECONDS:g} s at {where}")
        for records in consumer.poll(timeout_ms=milliseconds(_POLL_SECONDS)).values():
            yield from (message_of(record) for record in records if record.offset < end)
