"""Convert between the worker's values and the client's: partitions, offsets, messages, durations."""

from collections.abc import Mapping
from typing import Any, Final

from kafka import OffsetAndMetadata, TopicPartition

from reprise.kafka.bounded_fetch import OversizedRecord
from reprise.model import CorruptRecord, DeadLetterReason, Message
from reprise.processing.ports import Partition

#: The client's value for an unknown leader epoch.
_NO_LEADER_EPOCH: Final = -1

#: Stands for the committed offset of a partition without one: below every offset, without metadata.
NO_OFFSET: Final = OffsetAndMetadata(-1, "", _NO_LEADER_EPOCH)


#: Milliseconds since the epoch of the first plausible timestamp of a record, the year 2000. The client's -1 means that
#: the timestamp is unknown, and producers whose clock is not set send 0 or a little more.
_FIRST_TIMESTAMP_MS: Final = 946_684_800_000


def to_partition(topic_partition: TopicPartition) -> Partition:
    """Convert a partition of the client."""
    return (topic_partition.topic, topic_partition.partition)


def to_topic_partition(partition: Partition) -> TopicPartition:
    """Convert a partition for the client."""
    return TopicPartition(*partition)


def to_client_offsets(
    offsets: Mapping[Partition, int], offset_metadata: str
) -> Mapping[TopicPartition, OffsetAndMetadata]:
    """Convert offsets to commit, each with the same metadata."""
    return {
        to_topic_partition(partition): OffsetAndMetadata(offset, offset_metadata, _NO_LEADER_EPOCH)
        for partition, offset in offsets.items()
    }


def to_message(record: Any, assignment: int = 0) -> Message:
    """Convert a record of the client, fetched in the assignment with this number."""
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple((name, value or b"") for name, value in record.headers),
        timestamp_ms=record.timestamp if record.timestamp >= _FIRST_TIMESTAMP_MS else None,
        assignment=assignment,
    )


def to_input(record: Any, assignment: int) -> Message | CorruptRecord:
    """Convert a record of the input topic; one that exceeds the limits of a fetch was passed over."""
    if not isinstance(record.value, OversizedRecord):
        return to_message(record, assignment)
    return CorruptRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        detail=record.value.reason,
        assignment=assignment,
        reason=DeadLetterReason.MESSAGE_TOO_LARGE,
    )


def milliseconds(seconds: float) -> int:
    """Convert seconds to the client's unit; at least 1, because the client takes 0 for "no wait" or "no limit"."""
    return max(1, round(seconds * 1000))
